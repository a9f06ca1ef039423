"""``gc`` removes what nothing refers to, and nothing that a recorded run, a run under way or a model still needs."""

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Manifest
from gristmill.core.steps.files import Written, files_step
from gristmill.core.steps.inputs import Inputs, SourceFile
from gristmill.core.steps.kinds import global_step, source_step
from gristmill.core.table import Column, Table
from gristmill.flows.upkeep.collect import EARLIER, OLD_VIEWS, UNFINISHED, collect, find_garbage
from gristmill.flows.upkeep.current import renew_current
from gristmill.flows.upkeep.lock import shared
from gristmill.flows.upkeep.verify import verify
from gristmill.schemas.tables import Curated
from tests.helpers.ledger_rows import table_of

Raw = Table("raw", ("n",), {"n": Column(pa.int64(), "a number"), "text": Column(pa.string(), "a text")}, "Read.")
Bands = Table("middle", ("n",), {"n": Column(pa.int64(), "a number")}, "Between.")
LATER = 30 * 86_400


class Settings(Config):
    """Another value, another output."""

    value: int = 0


@source_step("read", version=1, writes=(Raw,))
def read(source: SourceFile, config: Settings) -> pa.Table:
    return pa.table({"n": [1, 2], "text": [source.name, source.digest]})


@global_step("between", version=1, reads=(Raw,), writes=(Bands,))
def between(paths: list[Path], config: Settings, scratch: Path) -> pa.Table:
    return pa.table({"n": [config.value]})


@global_step("keep", version=1, reads=(Raw, Bands), writes=(Curated,))
def keep(raw: list[Path], bands: list[Path], config: Settings, scratch: Path) -> pa.Table:
    return table_of(Curated, [{"doc_id": f"{config.value:032x}", "text": "x", "source": "news"}])


@files_step("write-tokens", version=1, reads=(Curated,))
def tokens(paths: list[Path], config: Settings, out: Path) -> Written:
    (out / "x.tok").write_bytes(b"x" * 100)
    return Written()


def curate(lake: Lake, value: int, *, finish: bool = True, name: str = "given") -> list[Manifest]:
    """Read, between, keep; committed as the curation ``news`` unless it is killed before."""
    config = Settings(value=value)
    first = read.run(lake, "s", Inputs(source=SourceFile(Path(name), name, "0" * 32)), Settings()).manifest
    middle = between.run(lake, "s", Inputs(refs=first.outputs), config).manifest
    last = keep.run(lake, "s", Inputs(refs=(*first.outputs, *middle.outputs)), config).manifest
    if finish:
        tables = {"raw": first.outputs, "curated": last.outputs}
        lake.commit(Dataset(kind="curation", name="news", config={"v": value}, counts={}, tables=tables))
        renew_current(lake)
    return [first, middle, last]


def mix(lake: Lake, curated: Manifest) -> Dataset:
    made = tokens.run(lake, "s", Inputs(refs=curated.outputs), Settings()).manifest
    dataset = Dataset(kind="mix", name="m", config={}, counts={}, tables={}, files={"tokens": made.files})
    lake.commit(dataset)
    return dataset


def content(lake: Lake) -> set[str]:
    return {
        path.relative_to(lake.root).as_posix()
        for part in ("data", "catalog")
        for path in (lake.root / part).rglob("*")
        if path.is_file()
    }


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake")


def test_nothing_of_a_recorded_run_goes_and_its_steps_stay_done(lake: Lake) -> None:
    curate(lake, 1)
    curate(lake, 2)
    before = content(lake)
    garbage = collect(lake, unfinished=True)
    assert content(lake) == before
    assert [bool(paths) for paths in garbage.found.values()] == [False, True, False, False]  # one old view
    assert garbage.kept_earlier > 0
    raw = curate(lake, 2)[0].outputs
    assert all(between.run(lake, "s", Inputs(refs=raw), Settings(value=value)).cached for value in (1, 2))


def test_earlier_curations_go_when_asked_for_and_only_what_they_alone_need(lake: Lake) -> None:
    old = curate(lake, 1)
    new = curate(lake, 2)
    shown = find_garbage(lake, earlier=True)
    assert content(lake)  # showing removes nothing
    assert lake.path(old[2].outputs[0]) in shown.found[EARLIER]
    collect(lake, earlier=True)
    assert not lake.path(old[1].outputs[0]).exists()
    assert not lake.path(old[2].outputs[0]).exists()
    assert lake.manifest("keep", "s", old[2].key) is None
    assert lake.path(old[0].outputs[0]).exists()  # both read the same records
    assert all(lake.manifest(entry.step, "s", entry.key) == entry for entry in new)
    assert len(list((lake.root / "data" / "datasets").rglob("*.json"))) == 1
    assert verify(lake).damaged == ()
    lone = Lake.open(lake.root.parent / "lone")
    curate(lone, 2)
    assert content(lone) == content(lake)


def test_a_curation_that_a_model_was_trained_on_stays_whole(lake: Lake) -> None:
    old = curate(lake, 1)
    first = lake.expect("curation", "news").key
    mix(lake, old[2])
    curate(lake, 2)
    before = content(lake)
    collect(lake, earlier=True, unfinished=True)
    assert content(lake) == before
    assert lake.dataset("curation", "news", first) is not None


def test_unfinished_work_stays_for_a_week(lake: Lake) -> None:
    curate(lake, 1)
    killed = curate(lake, 3, finish=False)
    assert not find_garbage(lake).found[UNFINISHED]
    assert find_garbage(lake).kept_unfinished > 0
    path = lake.path(killed[2].outputs[0])
    later = find_garbage(lake, now=path.stat().st_mtime + LATER)
    assert set(later.found[UNFINISHED]) == {
        *(lake.path(entry.outputs[0]) for entry in killed[1:]),
        *(lake.manifest_path(entry.step, "s", entry.key) for entry in killed[1:]),
    }
    collect(lake, unfinished=True)
    assert not path.exists()
    assert curate(lake, 3)[2] == killed[2]


def test_nothing_is_removed_while_a_run_is_under_way(lake: Lake) -> None:
    curate(lake, 1)
    curate(lake, 2)
    before = content(lake)
    with shared(lake), pytest.raises(GristmillError, match="is in use"):
        collect(lake, earlier=True)
    assert content(lake) == before
    collect(lake, earlier=True)
    assert content(lake) < before


def test_old_views_and_what_was_moved_aside_go(lake: Lake) -> None:
    curate(lake, 1)
    curate(lake, 2)
    (aside,) = curate(lake, 2)[2].outputs
    lake.move_aside(lake.path(aside))
    curate(lake, 2)
    found = collect(lake)
    assert len(found.found[OLD_VIEWS]) == 1
    assert not (lake.root / "damaged").exists()
    assert len(list((lake.root / "current" / "curated" / "news").iterdir())) == 1
    assert (lake.root / "current" / "curated" / "news").joinpath(f"s-{aside.key}.parquet").is_file()


def test_a_copied_lake_can_be_collected(lake: Lake, tmp_path: Path) -> None:
    curate(lake, 1)
    curate(lake, 2)
    shutil.copytree(lake.root, tmp_path / "copy", symlinks=True)
    copy = Lake.open(tmp_path / "copy")
    before = content(lake)
    collect(copy, earlier=True)
    assert content(lake) == before
    assert content(copy) < before
