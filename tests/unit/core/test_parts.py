"""A source of any size becomes shards of bounded size: named after it, visible together, one in memory at a time."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.core.lake import Lake
from gristmill.core.steps.inputs import Inputs, SourceFile
from gristmill.core.steps.kinds import partitioned_source_step, parts_of
from gristmill.schemas.tables import Pairs, SetAside


class Count(Config):
    parts: int = 3


def row(number: int) -> pa.Table:
    values = {"source": "test", "record_uri": f"u{number}", "stage": "ingest", "kind": "record"}
    values |= {"doc_id": None, "url": None, "reason": "redirect", "detail": str(number)}
    return pa.Table.from_pylist([values], SetAside.schema)


@partitioned_source_step("split", version=1, writes=(SetAside,))
def split(source: SourceFile, config: Count, downloads: Path) -> Iterator[pa.Table]:
    for number in range(config.parts):
        yield row(number)


def test_every_part_is_a_shard_named_after_its_source(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    source = SourceFile(tmp_path / "input", "input", "digest")
    done = split.run(lake, source.shard, Inputs(source=source), Count())
    assert list(parts_of(done.manifest)) == [f"{source.shard}-{number:04d}" for number in range(3)]
    details = [lake.read(ref).column("detail")[0].as_py() for (ref,) in parts_of(done.manifest).values()]
    assert details == ["0", "1", "2"]
    assert done.manifest.shard == source.shard
    again = split.run(lake, source.shard, Inputs(source=source), Count())
    assert again.cached
    assert parts_of(again.manifest) == parts_of(done.manifest)


def test_a_part_is_written_before_the_next_is_made(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    written: list[int] = []

    @partitioned_source_step("watch", version=1, writes=(SetAside,))
    def watch(source: SourceFile, config: Count, downloads: Path) -> Iterator[pa.Table]:
        for number in range(config.parts):
            written.append(len(list((lake.root / "data" / "tables").rglob("*.parquet"))))
            yield row(number)

    watch.run(lake, "s", Inputs(source=SourceFile(tmp_path, "s", "d")), Count())
    assert written == [0, 1, 2]


def test_a_source_that_fails_in_the_middle_shows_no_part(tmp_path: Path) -> None:
    @partitioned_source_step("fails", version=1, writes=(SetAside,))
    def fails(source: SourceFile, config: Count, downloads: Path) -> Iterator[pa.Table]:
        yield row(0)
        raise GristmillError("no")

    lake = Lake.open(tmp_path / "lake")
    with pytest.raises(GristmillError, match="no"):
        fails.run(lake, "s", Inputs(source=SourceFile(tmp_path, "s", "d")), Count())
    assert not (lake.root / "data" / "manifests").exists()


def test_a_part_must_hold_the_declared_tables(tmp_path: Path) -> None:
    @partitioned_source_step("short", version=1, writes=(SetAside, Pairs))
    def short(source: SourceFile, config: Count, downloads: Path) -> Iterator[pa.Table]:
        yield row(0)

    lake = Lake.open(tmp_path / "lake")
    with pytest.raises(GristmillError, match="returned 1 tables and declares 2"):
        short.run(lake, "s", Inputs(source=SourceFile(tmp_path, "s", "d")), Count())
