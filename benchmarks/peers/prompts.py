"""The prompts of lm-eval's own tasks over local files: runs in the environment of the peer ``lm-eval``.

    python prompts.py --data BENCHMARKS --small tests/golden/prompts_small.json --out tests/golden/prompts_lmeval.json

Every task is lm-eval's YAML as installed; only the source of its documents is replaced. ``--data`` is a folder with the
benchmark files, ``--small`` a few items of our own for the benchmarks without files. Writes digests of all requests of
a task, no text. ``--agieval`` names a checkout of ruixiangcui/AGIEval, whose ``convert_zero_shot`` is called too. Cost:
a minute.
"""

import argparse
import ast
import csv
import gzip
import hashlib
import importlib.metadata
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE")
LETTERS = "ABCD"
FIRST = 5
OF_A_SUBJECT = 5
"""Questions per subject of MMLU: lm-eval takes up to half a second for one with its shots."""
BOARD_SHOTS = 5
"""``--num_fewshot`` of the boards, whose tasks leave it to the user (0 unless said otherwise)."""

Docs = list[dict[str, Any]]


def digest(requests: Sequence[tuple[str, ...]]) -> str:
    """SHA-256 over the requests, each ``(prompt, continuation)`` or ``(prompt,)``."""
    return hashlib.sha256(json.dumps([list(request) for request in requests]).encode()).hexdigest()


def summary(items: Sequence[Sequence[tuple[str, ...]]]) -> dict[str, Any]:
    """The golden file's record of one suite: digests of all its requests, and of those of each of the first items."""
    flat = [request for item in items for request in item]
    return {"items": len(items), "all": digest(flat), "first": [digest(item)[:16] for item in items[:FIRST]]}


class Tasks:
    """lm-eval's tasks over our documents."""

    def __init__(self, folder: Path) -> None:
        import evaluate
        import lm_eval

        # HumanEval's and MBPP's modules download a scorer from a hub on import. Prompts do not need it.
        evaluate.load = lambda name: _NoScorer()
        self.yaml = Path(lm_eval.__file__).parent / "tasks"
        self.folder = folder

    def requests(
        self, path: str, docs: Docs, shots: Docs | None = None, limit: int | None = None
    ) -> list[list[tuple[str, ...]]]:
        """The requests of each document, or of the first ``limit``, in their order."""
        from lm_eval.api.task import ConfigurableTask
        from lm_eval.tasks._yaml_loader import load_yaml

        config = dict(load_yaml(self.yaml / path))
        splits = {str(config.get("test_split") or config.get("validation_split")): docs}
        if shots is not None:
            splits[config["fewshot_split"]] = shots
            config.setdefault("num_fewshot", BOARD_SHOTS)
        config |= {"dataset_path": "json", "dataset_name": None, "training_split": None}
        config["dataset_kwargs"] = {"data_files": {name: self._file(name, rows) for name, rows in splits.items()}}
        task = ConfigurableTask(config=config)
        task.set_fewshot_seed(seed=1234)  # what `lm_eval` does unless told otherwise
        task.build_all_requests(limit=limit)
        found: dict[int, list[tuple[str, ...]]] = {}
        for instance in task.instances:
            context, what = instance.args
            pair = (context, what) if instance.request_type == "loglikelihood" else (context,)
            found.setdefault(instance.doc_id, []).append(pair)
        return [found[at] for at in sorted(found)]

    def _file(self, name: str, rows: Docs) -> str:
        path = self.folder / f"{name}-{digest([(json.dumps(rows),)])[:16]}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return str(path)


class _NoScorer:
    def compute(self, *args: Any, **named: Any) -> tuple[dict[str, float], dict[str, float]]:
        return {"pass@1": 0.0}, {}


def jsonl(path: Path) -> Docs:
    """The rows of a file of JSON lines, compressed or not."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.decode().split("\n") if line.strip()]


def mmlu_rows(path: Path) -> Docs:
    """One subject of MMLU with the columns that the hub has."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{"question": row[0], "choices": row[1:5], "answer": LETTERS.index(row[5])} for row in csv.reader(file)]


def boolq_rows(path: Path) -> Docs:
    """BoolQ with the columns of SuperGLUE."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as file:
        rows = pa.ipc.open_stream(file).read_all().to_pylist()
    return [{"question": row["question"], "passage": row["passage"], "label": int(row["answer"])} for row in rows]


def on_real_data(data: Path, tasks: Tasks) -> dict[str, Any]:
    """The suites whose files are in ``data``."""
    mbpp = jsonl(data / "mbpp" / "mbpp.jsonl")
    boards: list[list[tuple[str, ...]]] = []
    for path in sorted((data / "mmlu" / "test").glob("*_test.csv")):
        subject = path.stem.removesuffix("_test")
        shots = mmlu_rows(data / "mmlu" / "dev" / f"{subject}_dev.csv")
        boards += tasks.requests(f"mmlu/default/mmlu_{subject}.yaml", mmlu_rows(path), shots, OF_A_SUBJECT)
    gsm8k = jsonl(data / "gsm8k" / "test.jsonl"), jsonl(data / "gsm8k" / "train.jsonl")
    return {
        "humaneval": summary(
            tasks.requests("humaneval/humaneval.yaml", jsonl(data / "humaneval" / "HumanEval.jsonl.gz"))
        ),
        "mbpp": summary(tasks.requests("mbpp/mbpp.yaml", [row for row in mbpp if 11 <= row["task_id"] <= 510])),
        "gsm8k": summary(tasks.requests("gsm8k/gsm8k.yaml", *gsm8k)),
        "boolq": summary(
            tasks.requests("super_glue/boolq/default.yaml", boolq_rows(data / "boolq" / "validation.arrow"))
        ),
        "mmlu": summary(boards),
    }


def on_small_data(small: Mapping[str, Any], tasks: Tasks) -> dict[str, Any]:
    """The suites whose files are not available here, on a few items of our own."""
    ceval, cmmlu = small["ceval"], small["cmmlu"]
    found = {
        "ceval": summary(
            tasks.requests(f"ceval/ceval-valid_{small['ceval_subject']}.yaml", ceval["items"], ceval["shots"])
        ),
        "cmmlu": summary(tasks.requests(f"cmmlu/cmmlu_{small['subject']}.yaml", cmmlu["items"], cmmlu["shots"])),
    }
    for language in ("en", "zh"):
        docs = [{"question": question, "answer": None, "answer_number": 0} for question, _ in small["mgsm"]]
        found[f"mgsm-{language}"] = summary(tasks.requests(f"mgsm/direct/mgsm_direct_{language}.yaml", docs))
    return found


def on_agieval(checkout: Path, data: Path) -> dict[str, Any]:
    """AGIEval's own prompts for its questions with one right option."""
    convert = upstream_function(checkout / "src" / "dataset_loader.py", "convert_zero_shot")
    found: dict[str, list[list[tuple[str, ...]]]] = {}
    for path in sorted((data / "agieval").glob("*.jsonl")):
        suite = {"gaokao-english": "agieval-gaokao-english", "gaokao-mathcloze": "agieval-gaokao-mathcloze"}.get(
            path.stem, "agieval-sat" if path.stem.startswith("sat") else "agieval-gaokao"
        )
        rows = [
            row
            for row in jsonl(path)
            if not row["options"] or (isinstance(row["label"], str) and len(row["label"]) == 1)
        ]
        found.setdefault(suite, []).extend([[(convert(row, path.stem),)] for row in rows])
    return {suite: summary(items) for suite, items in found.items()}


def upstream_function(path: Path, name: str) -> Callable[[dict[str, Any], str], str]:
    """A function from a file whose imports are not installed, with only that file's constants."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kept: list[ast.stmt] = []
    for node in tree.body:
        literal = isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant | ast.List | ast.Set)
        if literal or (isinstance(node, ast.FunctionDef) and node.name == name):
            kept.append(node)
    names: dict[str, Any] = {}
    exec(compile(ast.Module(kept, []), str(path), "exec"), names)  # noqa: S102 - upstream code, in the peer's process
    function: Callable[[dict[str, Any], str], str] = names[name]
    return function


def main() -> None:
    """Write the golden file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--small", type=Path, required=True)
    parser.add_argument("--agieval", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    words = parser.parse_args()
    os.environ.update(dict.fromkeys(OFFLINE, "1"))
    with tempfile.TemporaryDirectory() as folder:
        tasks = Tasks(Path(folder))
        os.environ["HF_DATASETS_CACHE"] = folder
        suites = on_real_data(words.data, tasks)
        suites |= on_small_data(json.loads(words.small.read_text(encoding="utf-8")), tasks)
    if words.agieval:
        suites |= on_agieval(words.agieval, words.data)
    golden = {"lm-eval": importlib.metadata.version("lm-eval"), "suites": suites}
    words.out.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
