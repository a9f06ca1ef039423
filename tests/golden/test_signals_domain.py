"""How well domains agree with the labels of real corpora; with ``-s`` it prints the table of docs/signals.md."""

import gzip
import json
import random
from collections import Counter
from pathlib import Path

import pytest

from gristmill.schemas.tables import SignalsDomain
from tests.helpers.plain_signals import signal_rows

EACH = 60  # texts from each file
DOMAINS = ("code", "mathematics", "documentation", "prose")
EXPECTED = {
    "code": "code",
    "math": "mathematics",
    "manpage": "documentation",
    "howto": "documentation",
    "tech_docs": "documentation",
    "tech_docs_partly_untranslated": "documentation",
}
LEAST = {"code": 0.8, "math": 0.85, "howto": 0.8, "news": 0.9, "wikipedia": 0.9, "poetry": 0.9, "books": 0.55}


@pytest.fixture(scope="module")
def table(shared: Path) -> dict[str, Counter[str]]:
    """For each kind of text in the corpora how many texts were given which domain."""
    kinds, texts = [], []
    for path in sorted((shared / "corpora" / "text").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            lines = file.readlines()
        for line in random.Random(path.name).sample(lines, min(EACH, len(lines))):
            record = json.loads(line)
            kinds.append(record["domain"])
            texts.append(record["text"])
    found = [row["domain"] for row in signal_rows(SignalsDomain, texts)]
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in sorted(set(kinds))}
    for kind, name in zip(kinds, found, strict=True):
        counts[kind][name] += 1
    return counts


def test_confusion(table: dict[str, Counter[str]]) -> None:
    print(f"\n| {'kind':29} | texts | {' | '.join(f'{name:13}' for name in DOMAINS)} |")
    for kind, counts in table.items():
        shares = " | ".join(f"{counts[name] / counts.total():13.2f}" for name in DOMAINS)
        print(f"| {kind:29} | {counts.total():5} | {shares} |")
    for kind, least in LEAST.items():
        share = table[kind][EXPECTED.get(kind, "prose")] / table[kind].total()
        assert share >= least, (kind, table[kind])
