"""The lake: atomic, content-addressed, and clear about what is wrong."""

import errno
import os
import socket
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.files.os_errors import translate_os_errors
from gristmill.core.files.places import check_name
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Manifest, output_key
from gristmill.core.table import conform, empty
from gristmill.schemas.tables import TABLES, Redacted

ID_A, ID_B = "a" * 32, "b" * 32


def rows(*texts: str) -> pa.Table:
    ids = [ID_B, ID_A][: len(texts)]
    return pa.table(
        {"doc_id": ids, "text": list(texts), "redactions": [0] * len(texts), "lines_removed": [0] * len(texts)}
    )


def test_a_table_is_sorted_typed_and_read_back(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    ref = lake.write_table(Redacted, "shard", "key", rows("second", "first"))
    assert ref.rows == 2
    read = lake.read(ref)
    assert read.column("text").to_pylist() == ["first", "second"]
    assert read.schema.field("redactions").type == pa.int32()


def test_equal_rows_give_equal_bytes_in_any_order(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    first = lake.write_table(Redacted, "one", "key", rows("x", "y"))
    second = lake.write_table(Redacted, "two", "key", rows("x", "y").take([1, 0]))
    assert first.digest == second.digest
    assert lake.path(first).read_bytes() == lake.path(second).read_bytes()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"doc_id": [ID_A], "text": ["x"]}), "missing columns ['redactions', 'lines_removed']"),
        (rows("x").append_column("extra", pa.array([1])), "unknown columns ['extra']"),
        (pa.table({"doc_id": [ID_A], "text": ["x"], "redactions": ["many"], "lines_removed": [0]}), "many"),
        (
            pa.table(
                {"doc_id": [ID_A], "text": pa.array([None], pa.string()), "redactions": [0], "lines_removed": [0]}
            ),
            "text",
        ),
    ],
)
def test_a_table_that_breaks_its_contract_is_refused(table: pa.Table, message: str) -> None:
    with pytest.raises(GristmillError, match="table redacted") as error:
        conform(Redacted, table)
    assert message in str(error.value)


def test_every_table_has_an_empty_form() -> None:
    for table in TABLES.values():
        assert conform(table, empty(table)).num_rows == 0
        assert set(table.key) <= set(table.schema.names)


def test_a_manifest_counts_only_with_its_files_in_full(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    ref = lake.write_table(Redacted, "shard", "key", rows("x"))
    manifest = Manifest(
        step="redact", version=1, shard="shard", key="key", config={}, inputs=(), rows_in={}, outputs=(ref,)
    )
    lake.write_manifest(manifest)
    assert lake.manifest("redact", "shard", "key") == manifest
    path = lake.path(ref)
    path.write_bytes(path.read_bytes()[:-1])
    assert lake.manifest("redact", "shard", "key") is None


def test_the_key_depends_on_everything_that_matters() -> None:
    base = output_key("s", 1, {"a": 1}, ())
    assert base == output_key("s", 1, {"a": 1}, ())
    assert (
        len({base, output_key("t", 1, {"a": 1}, ()), output_key("s", 2, {"a": 1}, ()), output_key("s", 1, {}, ())}) == 4
    )


def test_committing_a_dataset_makes_it_current_and_keeps_the_old_one(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    old = Dataset(kind="curation", name="web", config={}, counts={"kept": 1}, tables={})
    new = Dataset(kind="curation", name="web", config={}, counts={"kept": 2}, tables={})
    lake.commit(old)
    lake.commit(new)
    assert lake.dataset("curation", "web") == new
    assert lake.dataset("curation", "web", old.key) == old
    assert lake.names("curation") == ["web"]
    assert lake.dataset("curation", "other") is None


def test_opening_removes_what_dead_writers_left_and_nothing_else(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    dead = lake.root / "tmp" / f"999999999.1.{socket.gethostname()}" / "x"
    elsewhere, long_ago = lake.root / "tmp" / "1.1.another-machine", lake.root / "tmp" / "2.1.another-machine"
    for folder in (dead, elsewhere, long_ago):
        folder.mkdir(parents=True)
    os.utime(long_ago, (0, 0))
    with lake.temporary() as alive:
        Lake.open(lake.root)
        assert alive.is_dir()
        assert not dead.exists()
        assert elsewhere.exists()
        assert not long_ago.exists()
    assert not alive.exists()


def test_a_folder_that_is_no_lake_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty and not a lake"):
        Lake.open(tmp_path)
    with pytest.raises(UsageError, match="this is a file"):
        Lake.open(tmp_path / "thesis.txt")


def test_a_newer_lake_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lake.json").write_text('{"format": 99}')
    with pytest.raises(UsageError, match="format 99"):
        Lake.open(tmp_path)


@pytest.mark.parametrize("name", ["", "a b", "../up", "/etc", ".hidden", "x" * 101, "粮" * 34, "a/b"])
def test_names_that_cannot_be_files_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="source"):
        check_name(name, "source")


@pytest.mark.parametrize("name", ["debian-docs", "CC-MAIN-2026-05", "新闻", "a", "mix@2.0", "x" * 100, "粮" * 33])
def test_names_of_many_kinds_are_fine(name: str) -> None:
    assert check_name(name, "source") == name


@pytest.mark.parametrize("name", ["x" * 100, "粮" * 33])
def test_what_is_named_after_the_longest_names_fits_in_a_file_name(name: str, tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    lake.commit(Dataset(kind="gates", name=f"evaluate-{name}", config={}, counts={}, tables={}))
    assert lake.expect("gates", f"evaluate-{name}").name == f"evaluate-{name}"
    assert len(f".{name}-{name}-datatrove.1234567.partial".encode()) <= 255


def test_a_full_disk_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(GristmillError, match=r"is full\. Finished work is kept"), translate_os_errors(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_no_clock_or_path_enters_a_parquet_file(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    ref = lake.write_table(Redacted, "shard", "key", rows("x"))
    content = lake.path(ref).read_bytes()
    assert str(tmp_path).encode() not in content
    assert pq.read_metadata(lake.path(ref)).metadata.keys() >= {b"table"}
