"""The presets against what datatrove and TFDS themselves decided about the same 31,343 texts.

The golden files were made by ``python -m benchmarks.peers.verdicts``, the record by ``python -m
benchmarks.peers.agreement --write``; docs/policies.md explains every kind of difference.
"""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks.peers.agreement import ALL, GOLDEN, PRESETS, RECORD, compare, corpus, record, signals

AT_LEAST = 0.995


@pytest.fixture(scope="module")
def documents(shared: Path) -> pa.Table:
    """Every text of the corpora, once."""
    return corpus(shared / "corpora" / "text")


@pytest.fixture(scope="module")
def values(documents: pa.Table) -> dict[str, pa.Table]:
    """The signals of all of them."""
    return signals(documents)


@pytest.mark.parametrize("preset", PRESETS)
def test_verdicts_are_those_of_upstream(documents: pa.Table, values: dict[str, pa.Table], preset: str) -> None:
    found = compare(documents, values, preset)
    assert found[ALL].documents == documents.num_rows
    for name, part in found.items():
        assert part.share >= AT_LEAST, (name, part.differing)
    known = json.loads(RECORD.read_text(encoding="utf-8"))
    assert record({preset: found})[preset] == known[preset], "see python -m benchmarks.peers.agreement --texts"


@pytest.mark.parametrize(
    ("file", "versions"),
    [("datatrove", {"datatrove": "0.10.0"}), ("c4", {"tensorflow-datasets": "4.9.10", "nltk": "3.9.2"})],
)
def test_golden_files_name_the_code_that_made_them(file: str, versions: dict[str, str]) -> None:
    found = json.loads(pq.read_schema(GOLDEN / f"verdicts_{file}.parquet").metadata[b"versions"])
    assert versions.items() <= found.items()


def test_signals_are_datatroves_own(documents: pa.Table, values: dict[str, pa.Table]) -> None:
    vectors: list[dict[str, Any]] = json.loads((GOLDEN / "signals_datatrove.json").read_text(encoding="utf-8"))["texts"]
    compared = 0
    for vector in vectors:
        place = pc.index(documents.column("doc_id"), vector.pop("text")).as_py()
        assert place >= 0
        for signal, expected in vector.items():
            table, _, column = signal.partition(".")
            assert values[f"signals/{table}"].column(column)[place].as_py() == pytest.approx(expected, abs=1e-12), (
                signal
            )
            compared += 1
    assert len(vectors) > 50
    assert compared > 1000
