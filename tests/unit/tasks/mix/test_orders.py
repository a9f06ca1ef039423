"""Values of signals for documents and rows, and the orders that plans get from them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.core.errors import GristmillError
from gristmill.core.table import conform
from gristmill.schemas.tables import Curated
from gristmill.tasks.mix.domains import Vector
from gristmill.tasks.mix.orders.signals import SignalConfig, signal_source, signal_step
from gristmill.tasks.mix.orders.values import DocumentValues
from gristmill.tasks.mix.token_store import TokenStore
from tests.helpers.small_curated import document
from tests.helpers.small_tokens import doc_id, random_store, write_folder

ROW = 17


def by_hand(store: TokenStore, domain: str, of_documents: list[Vector]) -> Vector:
    """The value of each row, token by token; ``of_documents`` are the values for each part."""
    each = [
        np.repeat(values, np.diff(part.ends.astype(int), prepend=0))
        for part, values in zip(store.parts[domain, "train"], of_documents, strict=True)
    ]
    tokens = np.concatenate(each)
    rows = len(tokens) // ROW
    held = [one[~np.isnan(one)] for one in tokens[: rows * ROW].reshape(rows, ROW)]
    return np.array([one.mean() if len(one) else np.nan for one in held])


def lengths(store: TokenStore, domain: str) -> list[Vector]:
    return [np.diff(part.ends.astype(float), prepend=0) for part in store.parts[domain, "train"]]


def test_the_length_of_a_row_is_that_of_the_documents_it_holds(tmp_path: Path) -> None:
    store = random_store(tmp_path)
    values = DocumentValues.open(store, []).rows(ROW)
    for domain in ("code", "prose"):
        assert np.allclose(values(domain, "length"), by_hand(store, domain, lengths(store, domain)))
    with pytest.raises(GristmillError, match="no values of the signal 'quality'"):
        values("code", "quality")


def test_pieces_of_documents_have_their_values(tmp_path: Path) -> None:
    store = random_store(tmp_path)
    rows = store.rows("prose", ROW)
    values = DocumentValues.open(store, [])
    one_piece = np.arange(rows)
    found = values.pieces("prose", "length", one_piece, one_piece * ROW, np.ones(rows, dtype=np.int64))
    ends = np.concatenate([part.ends.astype(int) for part in store.parts["prose", "train"]])
    sizes = np.concatenate(lengths(store, "prose"))
    ends = np.cumsum(sizes)
    assert np.array_equal(found, sizes[np.searchsorted(ends, one_piece * ROW, side="right")])


def test_a_signal_of_curated_documents_reaches_the_rows(tmp_path: Path) -> None:
    shards = [
        write_folder(tmp_path / f"s{n}", {("code", "train"): [[1] * size for size in (30, 3, 40)]}) for n in range(2)
    ]
    folders = []
    for number, shard in enumerate(shards):
        # In another order, with a document that is not in the store, and without the last of the store.
        rows = [document(str(place), "code", "x") | {"quality": place + 10.0 * number} for place in (1, 0, 7)]
        for row, place in zip(rows, (1, 0, 7), strict=True):
            row["doc_id"] = doc_id(shard.name, "code", "train", place)
        path = tmp_path / f"{shard.name}.parquet"
        pq.write_table(conform(Curated, pa.Table.from_pylist(rows, schema=Curated.schema)), path)
        out = tmp_path / f"values-{number}"
        out.mkdir()
        facts = signal_step("quality").function([path], [shard], SignalConfig(signal="quality"), out).facts
        assert facts["domains"]["code"]["missing"] == 1
        folders.append(out)
    store = TokenStore.open(list(reversed(shards)))
    expected = {"s0": np.array([0.0, 1.0, np.nan]), "s1": np.array([10.0, 11.0, np.nan])}
    of_parts = [expected[part.path.parent.name] for part in store.parts["code", "train"]]
    found = DocumentValues.open(store, folders).rows(ROW)("code", "quality")
    assert np.allclose(found, by_hand(store, "code", of_parts), equal_nan=True)
    assert 0 < np.isnan(found).sum() < len(found)
    (folders[0] / "code.train.values").write_bytes(b"")
    with pytest.raises(GristmillError, match="cut off"):
        DocumentValues.open(store, folders)


def test_a_signal_is_called_as_policies_call_it() -> None:
    table, column = signal_source("gopher_quality.words")
    assert (table.name, column) == ("signals/gopher_quality", "words")
    assert signal_source("quality")[0] is Curated
    for wrong, said in (
        ("qualty", 'did you mean "quality"'),
        ("gopher_quality.word", 'did you mean "gopher_quality.words"'),
        ("gopher_quality.doc_id", "there is no signal"),
        ("text", "is not a number"),
    ):
        with pytest.raises(ValueError, match=said):
            signal_source(wrong)
