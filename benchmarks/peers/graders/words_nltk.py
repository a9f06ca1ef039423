"""How often Gristmill splits English words differently from NLTK's ``word_tokenize``, on the texts of CMRC's F1.

    python -m benchmarks.peers.graders.words_nltk FILE...

FILE is CMRC 2018 in SQuAD's form, or any text. Needs NLTK 3.10.4 and its ``punkt_tab`` next to Gristmill. For CMRC it
compares the runs between Chinese characters in all passages and answers; for a text, its lines.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nltk

from gristmill.evals.scoring.graders.cmrc import CHARACTER, SIGNS
from gristmill.evals.scoring.graders.words import words


def main() -> None:
    """Print the number of runs, of those that differ, and ten examples."""
    for name in sys.argv[1:]:
        text = Path(name).read_text(encoding="utf-8")
        units = list(passages(json.loads(text)) if name.endswith(".json") else text.splitlines())
        runs = [run for unit in units for run in latin(unit)]
        differing = [run for run in runs if words(run) != nltk.word_tokenize(run)]
        print(f"{name}: {len(runs)} runs, {len(differing)} split differently")
        for run in differing[:10]:
            print("   ", words(run)[:20], nltk.word_tokenize(run)[:20])


def passages(data: dict[str, Any]) -> Iterator[str]:
    """Passages and answers."""
    for article in data["data"]:
        for paragraph in article["paragraphs"]:
            yield paragraph["context"]
            yield from (answer["text"] for question in paragraph["qas"] for answer in question["answers"])


def latin(text: str) -> Iterator[str]:
    """The text between Chinese characters, as the grader's ``segments`` collects it."""
    kept = "".join(char for char in text.lower().strip() if char not in SIGNS)
    yield from (run for run in CHARACTER.split(kept) if run)


if __name__ == "__main__":
    main()
