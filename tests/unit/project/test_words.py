"""Words that were given up stay gone: each pattern is looked for in every tracked file but the history."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
HISTORY = {"CHANGELOG.md", "DECISIONS.md"}
GIVEN_UP = {
    "furniture": r"\bfurniture\b",
    "cure": r"\bcures?\b",
    "stretch": r"stretch(?:es)?(?=\b|_)",
    "keyed permutation": r"\bkeyed[ _-]permutation",
    "the words were wrong": r"\bwords were wrong\b",
    "found done": r"\bfound done\b",
    "for ever": r"\bfor ever\b",
    "made anew": r"\bmade anew\b",
    "slip of the pen": r"\bslips? of the pen\b",
    "removed functions": r"\bredact_spans\b|\bdedup[./]lsh\b",
    "old names of kernels": r"\bkernels[./](?:\w+[./])?"
    r"(?:pieces|affixes|merges|chunks|measure|fold|windows|permute|judge|overlap|sets)\b",
}
"""They say boilerplate, hint, byte range, permutation, usage error and cached now. Kernels are called duplicate_lines,
spacy_english, spacy_exceptions, whitespace_split, token_features, normalize, ngram_hashes, minhash, c4_rules,
passage_match and sorted_sets."""
PASSAGES = (
    "a passage that a text shares with another, or the bytes of a line: kernels keep their words with their digest"
)
ALLOWED = {
    ("furniture", "tasks/text/lists/iana_tlds.txt"): "a top-level domain",
    ("stretch", "dashboards/static/style.css"): "a value of align-items",
    ("stretch", "tasks/ingest/damage.py"): "a key of stored counts",
    ("stretch", "flows/describe.py"): "reads that key",
    ("stretch", "tests/unit/tasks/ingest/test_damage.py"): "reads that key",
    ("stretch", "tasks/ingest/parts.py"): "a detail as set_aside stores it",
    ("stretch", "tests/unit/tasks/ingest/test_ingest_warc.py"): "reads that detail",
    ("stretch", "schemas/tables/signals/code.py"): "the description of a column, which is stored in its files",
    ("stretch", "docs/tables.md"): "drawn from that description",
    ("stretch", "tasks/kernels/lines/citations.py"): PASSAGES,
    ("stretch", "tasks/kernels/lines/line_features.py"): PASSAGES,
    ("stretch", "tasks/kernels/matching/passage_match.py"): PASSAGES,
    ("stretch", "tasks/contamination/matching.py"): PASSAGES,
    ("stretch", "tests/property/test_contamination_kernels.py"): PASSAGES,
}


def given_up(root: Path, files: Iterable[Path]) -> set[tuple[str, str]]:
    """Every given-up word and the file that has it. ``files`` are relative to the root."""
    patterns = {word: re.compile(pattern, re.IGNORECASE) for word, pattern in GIVEN_UP.items()}
    found = set()
    for file in files:
        text = (root / file).read_text(encoding="utf-8", errors="ignore")
        found |= {(word, file.as_posix()) for word, pattern in patterns.items() if pattern.search(text)}
    return found


def tracked() -> list[Path]:
    command = ["git", "ls-files", "--", ":!:tests/golden/*.json", ":!:tests/unit/project/test_words.py"]
    listing = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("this tree is not a git checkout")
    paths = [Path(line) for line in listing.stdout.splitlines()]
    binary = {".png", ".parquet", ".gz", ".svg", ".ico", ".woff2"}
    return [
        path for path in paths if path.suffix not in binary and (PROJECT / path).is_file() and path.name not in HISTORY
    ]


def test_no_given_up_word_is_left() -> None:
    assert given_up(PROJECT, tracked()) - ALLOWED.keys() == set()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("removes the furniture of a page", "furniture"),
        ("an error with its cure", "cure"),
        ("def find_stretches() -> None: ...", "stretch"),
        ("a keyed permutation", "keyed permutation"),
        ("It is kept for ever.", "for ever"),
        ("from gristmill.tasks.kernels.lines.pieces import cut", "old names of kernels"),
        ("see kernels/permute.py", "old names of kernels"),
        ("from gristmill.tasks.dedup.lsh import Index", "removed functions"),
    ],
)
def test_a_given_up_word_is_seen(text: str, word: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(text, encoding="utf-8")
    assert given_up(tmp_path, [Path("page.md")]) == {(word, "page.md")}


@pytest.mark.parametrize(
    "text",
    [
        "for every page, a secure cache keyed by the prompt",
        "from gristmill.tasks.kernels.minhash.normalize import fold",
        "kernels/sorted_sets.py joins pieces, and overlaps windows",
    ],
)
def test_words_in_use_are_none_of_them(text: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(text, encoding="utf-8")
    assert given_up(tmp_path, [Path("page.md")]) == set()
