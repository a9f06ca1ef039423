"""``current/`` always shows the current curations and nothing else, to every reader, wherever the lake lies."""

import shutil
import threading
from pathlib import Path

import duckdb
import fsspec
import polars as pl
import pyarrow.dataset as ds
import pytest

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.flows.upkeep.current import current_view, renew_current
from tests.helpers.small_lake import Curation, commit, doc_id

TEXT = "The miller weighs the grain before it is ground. " * 4


def curate(lake: Lake, source: str, *names: str) -> Dataset:
    """A curation that keeps documents of these names, each in a shard of its own."""
    rows = Curation(source)
    for name in names:
        shard = f"s-{name}"
        identity = rows.document(name, shard, f"{TEXT}{name}")
        rows.keep(identity, shard)
        rows.curate(identity, shard, "prose")
    return commit(lake, "curation", source, rows.rows)


def read_by_all(path: Path) -> list[set[str]]:
    """The doc_ids under a folder, as DuckDB, polars (folder and glob), pyarrow and fsspec (by which the package
    ``datasets`` looks for files) find them."""
    glob = f"{path}/**/*.parquet"
    found = duckdb.read_parquet(glob).project("doc_id").fetchall()
    return [
        {row[0] for row in found},
        set(pl.scan_parquet(glob).select("doc_id").collect()["doc_id"]),
        set(pl.scan_parquet(path).select("doc_id").collect()["doc_id"]),
        set(ds.dataset(path, format="parquet").to_table(["doc_id"])["doc_id"].to_pylist()),
        {
            row
            for file, info in fsspec.filesystem("file").glob(glob, detail=True).items()
            if info["type"] == "file" or (info["islink"] and Path(file).resolve().is_file())
            for row in pl.read_parquet(file)["doc_id"]
        },
        {row for file in path.rglob("*.parquet") for row in pl.read_parquet(file)["doc_id"]},
    ]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake")


def ids(source: str, *names: str) -> set[str]:
    return {doc_id(f"{source}/{name}") for name in names}


def test_a_source_that_is_curated_again_is_read_once(lake: Lake) -> None:
    curate(lake, "news", "a", "b")
    renew_current(lake)
    curate(lake, "news", "b", "c")
    renew_current(lake)
    every = set(pl.scan_parquet(f"{lake.root}/data/tables/curated/**/*.parquet").select("doc_id").collect()["doc_id"])
    assert every == ids("news", "a", "b", "c")  # what readers of data/ get
    for found in read_by_all(lake.root / "current" / "curated"):
        assert found == ids("news", "b", "c")


def test_every_source_has_a_folder(lake: Lake) -> None:
    curate(lake, "news", "a")
    curate(lake, "books", "a", "x")
    renew_current(lake)
    assert sorted(path.name for path in (lake.root / "current" / "curated").iterdir()) == ["books", "news"]
    for found in read_by_all(lake.root / "current" / "curated" / "books"):
        assert found == ids("books", "a", "x")
    for found in read_by_all(lake.root / "current" / "documents"):
        assert found == ids("books", "a", "x") | ids("news", "a")


def test_a_moved_lake_shows_the_same_and_names_no_place(lake: Lake, tmp_path: Path) -> None:
    curate(lake, "news", "a", "b")
    renew_current(lake)
    for path in lake.root.rglob("*"):
        if path.is_symlink():
            assert not path.readlink().is_absolute()
    moved = tmp_path / "elsewhere" / "deep"
    moved.parent.mkdir()
    lake.root.rename(moved)
    for found in read_by_all(moved / "current" / "curated"):
        assert found == ids("news", "a", "b")


def test_the_same_catalog_gives_the_same_view(lake: Lake, tmp_path: Path) -> None:
    curate(lake, "news", "a")
    first = renew_current(lake)
    assert renew_current(lake) == first == current_view(lake)
    other = Lake.open(tmp_path / "other")
    curate(other, "news", "a")
    assert renew_current(other).name == first.name


def test_a_reader_always_finds_one_whole_view(lake: Lake) -> None:
    """While views are swapped, every look through ``current`` sees the files of one of them."""
    curate(lake, "news", "a", "b")
    renew_current(lake)
    done = threading.Event()

    def swap() -> None:
        for number in range(40):
            curate(lake, "news", *(("c", "d") if number % 2 else ("a", "b")))
            renew_current(lake)
        done.set()

    writer = threading.Thread(target=swap)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(frozenset(path.name[:3] for path in (lake.root / "current" / "curated" / "news").iterdir()))
    writer.join()
    assert seen <= {frozenset({"s-a", "s-b"}), frozenset({"s-c", "s-d"})}


def test_a_lake_without_curations_has_an_empty_view(lake: Lake) -> None:
    renew_current(lake)
    assert not list((lake.root / "current").rglob("*.parquet"))


def test_a_lake_copied_without_its_links_has_them_again(lake: Lake, tmp_path: Path) -> None:
    curate(lake, "news", "a")
    renew_current(lake)
    shutil.copytree(lake.root, tmp_path / "copy")
    copy = Lake.open(tmp_path / "copy")
    assert not (copy.root / "current").is_symlink()
    curate(copy, "news", "b")
    renew_current(copy)
    assert (copy.root / "current").is_symlink()
    assert all(path.is_symlink() for path in (copy.root / "current").rglob("*.parquet"))
    for found in read_by_all(copy.root / "current" / "curated"):
        assert found == ids("news", "b")
