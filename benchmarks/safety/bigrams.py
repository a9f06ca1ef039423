"""Make tasks/safety/secrets/lists/bigrams.txt: what the next character of a written token costs.

``python -m benchmarks.safety.bigrams FOLDER`` reads ``code_*.jsonl.gz`` and ``docs_*.jsonl.gz`` of a folder of texts (a
``text`` in each row), takes every different token of 6 to 64 characters of ``[A-Za-z0-9_./+=-]`` once, and prints the
table: 29 rows (a to z, digit, other, start of the token) of 28 columns in tenths of a bit, then 5 rows with the cost of
a small letter and a capital after a small letter, a capital, a digit, another character, and at the start.
"""

import gzip
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

TOKEN = re.compile(r"[A-Za-z0-9_./+=-]{6,64}")
CLASSES, START = 28, 28


def tokens(folder: Path) -> set[str]:
    """Every different token of the texts."""
    found: set[str] = set()
    for path in sorted([*folder.glob("code_*.jsonl.gz"), *folder.glob("docs_*.jsonl.gz")]):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                found.update(TOKEN.findall(json.loads(line)["text"]))
    return found


def table(words: Iterable[str]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Bits of each class after each class (29 x 28), and of small and capital letters after each kind (5 x 2)."""
    steps = np.full((START + 1, CLASSES), 0.5)
    cases = np.ones((5, 2))
    for word in words:
        before, kind = START, 4
        for character in word:
            if character.isalpha():
                now, now_kind = ord(character.lower()) - 97, int(character.isupper())
                cases[kind, now_kind] += 1
            else:
                now, now_kind = (26, 2) if character.isdigit() else (27, 3)
            steps[before, now] += 1
            before, kind = now, now_kind
    return -np.log2(steps / steps.sum(1, keepdims=True)), -np.log2(cases / cases.sum(1, keepdims=True))


def main() -> None:
    """Print the table."""
    steps, cases = table(tokens(Path(sys.argv[1])))
    print("# Tenths of a bit; made by benchmarks/safety/bigrams.py from counts over code and documentation.")
    print("# After a row's class: a to z, a digit, another character.")
    names = [*"abcdefghijklmnopqrstuvwxyz", "digit", "other", "start"]
    for name, row in zip(names, np.rint(10 * steps).astype(int), strict=True):
        print(name, *row)
    print("# After a row's kind: a small letter, a capital.")
    for name, row in zip(("small", "capital", "number", "mark", "begin"), np.rint(10 * cases).astype(int), strict=True):
        print(name, *row)


if __name__ == "__main__":
    main()
