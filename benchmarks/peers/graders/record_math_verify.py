"""Add math_verify 0.9.0's results with ANTLR 4.13.2 to conventions_mathematics.json; see ``record.py``."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

from math_verify import parse, verify


def main() -> None:
    """Rewrite the file with one more value per case."""
    place = Path(sys.argv[1]) / "conventions_mathematics.json"
    if not version("antlr4-python3-runtime").startswith("4.13"):
        raise SystemExit("this environment does not have ANTLR 4.13")
    cases = json.loads(place.read_text(encoding="utf-8"))
    for case in cases:
        gold = case["solution"] or f"\\boxed{{{case['answers'][0][0]}}}"
        case["values"]["math.verify"] = float(verify(gold=parse(gold), target=parse(case["output"])))
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    place.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    differing = [case["output"] for case in cases if len({case["values"][name] for name in NAMES}) > 1]
    print(len(cases), "cases; with ANTLR 4.11 otherwise:", differing)


NAMES = ("math.verify", "math.verify antlr-4.11")

if __name__ == "__main__":
    main()
