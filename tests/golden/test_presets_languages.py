"""Presets for languages, Chinese, source code and URLs against what their upstream decided about the same texts.

The golden files were made by ``python -m benchmarks.peers.language_verdicts``, the record by ``python -m
benchmarks.peers.language_agreement --write``, which compares all of them; here a part is judged again, chosen by the
key of the text. docs/languages.md explains every kind of difference.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.peers.language_agreement import (
    RECORD,
    Agreement,
    chinese_presets,
    code_presets,
    fineweb2_presets,
    url_preset,
)
from benchmarks.peers.verdicts import GOLDEN

AT_LEAST = 0.995
SOME = 19  # of so many texts one is judged again


@pytest.mark.parametrize(
    ("compare", "texts"),
    [
        (lambda corpora: fineweb2_presets(corpora, SOME), 500),
        (lambda corpora: chinese_presets(corpora, SOME), 500),
        (lambda corpora: code_presets(corpora, 2), 1400),
        (url_preset, 700),
    ],
    ids=["fineweb2", "chinese", "code", "url"],
)
def test_verdicts_are_those_of_upstream(
    shared: Path, compare: Callable[[Path], dict[str, Agreement]], texts: int
) -> None:
    known = json.loads(RECORD.read_text(encoding="utf-8"))
    found = compare(shared / "corpora")
    assert max(agreement.documents for agreement in found.values()) >= texts / len(found)
    for name, agreement in found.items():
        assert agreement.differing.keys() <= known[name]["differing"].keys(), (name, agreement.examples)
        assert agreement.differing.total() <= sum(known[name]["differing"].values())


def test_the_record_agrees_with_upstream() -> None:
    known = json.loads(RECORD.read_text(encoding="utf-8"))
    assert len(known) == 9 + 2 + 3 + 1
    for name, part in known.items():
        assert part["documents"] >= 50, name
        assert part["agreement"] >= AT_LEAST, name
        assert sum(part["differing"].values()) == round((1 - part["agreement"]) * part["documents"])


@pytest.mark.parametrize(
    ("file", "versions"),
    [
        ("fineweb2", {"datatrove": "0.10.0", "spacy": "3.8.18", "jieba": "0.42.1", "kiwipiepy": "0.21.0"}),
        ("url", {"datatrove": "0.10.0"}),
        ("chinese", {"jieba": "0.42.1", "zhconv": "1.4.3"}),
        ("code", {"pygments": "2.21.0"}),
    ],
)
def test_golden_files_name_the_code_that_made_them(file: str, versions: dict[str, str]) -> None:
    path = GOLDEN / f"verdicts_{file}.parquet"
    found = json.loads(pq.read_schema(path).metadata[b"versions"])
    assert versions.items() <= found.items()
    assert path.stat().st_size < 300_000
