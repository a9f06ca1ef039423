"""The step decorator: cached by content, atomic, checked against its contract."""

import asyncio
import errno
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pytest
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import exception_to_failed_state

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.core.lake import Lake
from gristmill.core.manifest import FilesRef, Ref
from gristmill.core.steps.files import JobName, Written, files_step, job_step
from gristmill.core.steps.inputs import Inputs, SourceFile
from gristmill.core.steps.kinds import (
    global_per_shard_step,
    global_step,
    shard_step,
    source_step,
)
from gristmill.core.steps.step import StepContext, retry_io_errors
from gristmill.schemas.tables import Curated, Documents, Redacted, SignalsCode
from tests.helpers.scattered import scattered

ID = "0" * 32


class Suffix(Config):
    suffix: str = "!"


def redacted(text: str, doc_id: str = ID) -> pa.Table:
    return pa.table({"doc_id": [doc_id], "text": [text], "redactions": [0], "lines_removed": [0]})


@shard_step("shout", version=1, reads=(Redacted,), writes=(Redacted,))
def shout(rows: pa.Table, config: Suffix) -> pa.Table:
    texts = [text + config.suffix for text in rows.column("text").to_pylist()]
    return rows.set_column(1, "text", pa.array(texts))


def first_shard(lake: Lake, text: str = "hello") -> Ref:
    return lake.write_table(Redacted, "shard", "first", redacted(text))


def test_a_step_runs_once_for_the_same_inputs(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    inputs = Inputs(refs=(first_shard(lake),))
    done = shout.run(lake, "shard", inputs, Suffix())
    again = shout.run(lake, "shard", inputs, Suffix())
    assert (done.cached, again.cached) == (False, True)
    assert done.manifest == again.manifest
    assert lake.read(done.manifest.output(Redacted)).column("text").to_pylist() == ["hello!"]
    assert done.manifest.rows_in == {"redacted": 1}


def test_another_config_or_input_is_another_output(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    inputs = Inputs(refs=(first_shard(lake),))
    keys = {
        shout.run(lake, "shard", inputs, Suffix()).manifest.key,
        shout.run(lake, "shard", inputs, Suffix(suffix="?")).manifest.key,
        shout.run(lake, "shard", Inputs(refs=(first_shard(lake, "bye"),)), Suffix()).manifest.key,
    }
    assert len(keys) == 3


def test_a_damaged_output_is_made_again(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    inputs = Inputs(refs=(first_shard(lake),))
    ref = shout.run(lake, "shard", inputs, Suffix()).manifest.output(Redacted)
    before = lake.path(ref).read_bytes()
    lake.path(ref).write_bytes(before[:10])
    assert not shout.run(lake, "shard", inputs, Suffix()).cached
    assert lake.path(ref).read_bytes() == before


def test_a_failing_step_leaves_nothing_visible(tmp_path: Path) -> None:
    @shard_step("fails", version=1, reads=(Redacted,), writes=(Redacted,))
    def fails(rows: pa.Table, config: Suffix) -> pa.Table:
        raise GristmillError("no")

    lake = Lake.open(tmp_path / "lake")
    ref = first_shard(lake)
    with pytest.raises(GristmillError, match="no"):
        fails.run(lake, "shard", Inputs(refs=(ref,)), Suffix())
    assert not (lake.root / "data" / "manifests").exists()
    assert not list((lake.root / "tmp").rglob("*.parquet"))


def test_a_global_step_gets_paths_in_shard_order_whatever_the_order_given(tmp_path: Path) -> None:
    seen: list[list[Path]] = []

    @global_step("count", version=1, reads=(Redacted,), writes=(Redacted,))
    def count(paths: list[Path], config: Suffix, scratch: Path) -> pa.Table:
        assert scratch.is_dir()
        seen.append(paths)
        return redacted(str(len(paths)))

    lake = Lake.open(tmp_path / "lake")
    refs = tuple(lake.write_table(Redacted, shard, "k", redacted(shard)) for shard in ("b", "a", "c"))
    first = count.run(lake, "all", Inputs(refs=refs), Suffix())
    second = count.run(lake, "all", Inputs(refs=refs[::-1]), Suffix())
    assert second.cached
    assert first.manifest.key == second.manifest.key
    assert [path.parent.name for path in seen[0]] == ["a", "b", "c"]


def test_what_belongs_to_a_shard_is_found_for_the_same_content_under_another_key(tmp_path: Path) -> None:
    """A new version of the step before often gives the same content: then what was made of it is done, and there."""

    @global_per_shard_step("spread", version=1, reads=(Redacted,), writes=(Redacted,))
    def spread(paths: list[Path], config: Suffix, scratch: Path) -> Iterator[pa.Table]:
        for path in paths:
            yield redacted(path.parent.name)

    lake = Lake.open(tmp_path / "lake")
    before, after = (
        tuple(lake.write_table(Redacted, shard, key, redacted(shard)) for shard in ("a", "b")) for key in ("k1", "k2")
    )
    first = spread.run(lake, "all", Inputs(refs=before), Suffix())
    second = spread.run(lake, "all", Inputs(refs=after), Suffix())
    assert (first.cached, second.cached) == (False, True)
    for ref in (*before, *after):
        (written,) = scattered(second.manifest, ref)
        assert written.shard == ref.shard


def test_a_files_step_publishes_its_folder_whole(tmp_path: Path) -> None:
    @files_step("write", version=1, reads=(Redacted,))
    def write(paths: list[Path], config: Suffix, out: Path) -> Written:
        (out / "a.txt").write_text(config.suffix)
        return Written({"files": 1})

    lake = Lake.open(tmp_path / "lake")
    manifest = write.run(lake, "all", Inputs(refs=(first_shard(lake),)), Suffix()).manifest
    (ref,) = manifest.files
    assert manifest.facts == {"files": 1}
    assert (lake.files_path(ref) / "a.txt").read_text() == "!"
    assert write.run(lake, "all", Inputs(refs=(first_shard(lake),)), Suffix()).cached


def test_a_files_step_gives_tables_beside_a_folder_of_another_name(tmp_path: Path) -> None:
    @files_step("mixture", version=1, writes=(Redacted,), folders=True, files="plan")
    def mixture(folders: list[Path], config: Suffix, out: Path) -> Written:
        (out / "plan.txt").write_text("".join((folder / "a.txt").read_text() for folder in folders))
        return Written({"n": 1}, (redacted("x"),))

    lake = Lake.open(tmp_path / "lake")
    manifest = mixture.run(lake, "m", Inputs(files=(folder_of(lake, "tokens", "one"),)), Suffix()).manifest
    (ref,) = manifest.files
    assert (ref.name, ref.shard, manifest.step) == ("plan", "m", "mixture")
    assert (lake.files_path(ref) / "plan.txt").read_text() == "one"
    assert lake.read(manifest.output(Redacted)).num_rows == 1


def test_a_job_step_is_named_by_content_and_cached(tmp_path: Path) -> None:
    names: list[JobName] = []

    @job_step(
        "train", version=1, writes=(Redacted,), files="checkpoints", named=lambda config, digests: config.suffix * 3
    )
    def train(name: JobName, folders: list[Path], config: Suffix, out: Path) -> Written:
        names.append(name)
        (out / "a.txt").write_text((folders[0] / "a.txt").read_text())
        return Written(tables=(redacted("x"),))

    lake = Lake.open(tmp_path / "lake")
    inputs = Inputs(files=(folder_of(lake, "plan", "p"), folder_of(lake, "tokens", "t")))
    first = train.run(lake, "m", inputs, Suffix())
    (ref,) = first.manifest.files
    assert first.manifest.key == ref.key == "!!!"
    assert names == [JobName("m", "!!!", PurePosixPath("data/files/checkpoints/m/!!!"))]
    assert lake.files_path(ref) == lake.root / names[0].place
    assert (lake.files_path(ref) / "a.txt").read_text() == "p"  # the folders come in the order they were given in
    assert train.run(lake, "m", inputs, Suffix()).cached
    assert len(names) == 1


def folder_of(lake: Lake, name: str, text: str) -> FilesRef:
    """A folder of the lake that holds ``a.txt``."""
    with lake.temporary() as folder:
        out = folder / "out"
        out.mkdir()
        (out / "a.txt").write_text(text)
        return lake.publish_files(out, name, "all", "key")


def test_a_source_step_is_keyed_by_name_and_content(tmp_path: Path) -> None:
    @source_step("read", version=1, writes=(Redacted,))
    def read(source: SourceFile, config: Suffix) -> pa.Table:
        return redacted(source.path.read_text())

    lake = Lake.open(tmp_path / "lake")
    path = tmp_path / "input.txt"
    path.write_text("x")
    here = SourceFile(path, "input.txt", "d1")
    elsewhere = SourceFile(tmp_path / "moved" / "input.txt", "input.txt", "d1")
    other = SourceFile(path, "other.txt", "d1")
    assert here.shard == elsewhere.shard
    assert here.shard != other.shard
    assert not read.run(lake, here.shard, Inputs(source=here), Suffix()).cached
    assert read.run(lake, elsewhere.shard, Inputs(source=elsewhere), Suffix()).cached


def test_a_step_that_breaks_its_contract_fails(tmp_path: Path) -> None:
    @shard_step("wrong", version=1, reads=(Redacted,), writes=(Curated,))
    def wrong(rows: pa.Table, config: Suffix) -> pa.Table:
        return rows

    lake = Lake.open(tmp_path / "lake")
    with pytest.raises(GristmillError, match="table curated: missing columns"):
        wrong.run(lake, "shard", Inputs(refs=(first_shard(lake),)), Suffix())


def test_a_step_without_its_table_says_so(tmp_path: Path) -> None:
    @shard_step("needs", version=1, reads=(Documents,), writes=(Redacted,))
    def needs(rows: pa.Table, config: Suffix) -> pa.Table:
        return rows

    lake = Lake.open(tmp_path / "lake")
    with pytest.raises(GristmillError, match="no shard of table documents"):
        needs.run(lake, "shard", Inputs(refs=(first_shard(lake),)), Suffix())


@pytest.mark.parametrize(
    ("error", "retried"),
    [
        (OSError(errno.EIO, "input/output error"), True),
        (ConnectionResetError(errno.ECONNRESET, "reset"), True),
        (OSError(errno.ENOSPC, "no space"), False),
        (FileNotFoundError(errno.ENOENT, "gone"), False),
        (GristmillError("numbers do not add up"), False),
        (ValueError("a bug"), False),
    ],
)
def test_only_what_may_pass_by_itself_is_retried(error: Exception, retried: bool) -> None:
    state: State[Any] = asyncio.run(exception_to_failed_state(error))
    task_run = TaskRun.model_construct(task_key="shout", dynamic_key="0")
    assert retry_io_errors(shout.task, task_run, state) is retried


def test_a_group_of_tables_is_one_argument_and_all_of_it_is_read(tmp_path: Path) -> None:
    @shard_step("grouped", version=1, reads=(Redacted, (Redacted, SignalsCode)), writes=(Redacted,))
    def grouped(rows: pa.Table, group: Mapping[str, pa.Table], config: Suffix) -> pa.Table:
        assert group[Redacted.name] == rows
        assert group[SignalsCode.name].num_rows == 0  # optional, and left out
        return rows

    lake = Lake.open(tmp_path / "lake")
    assert grouped.reads == (Redacted, Redacted, SignalsCode)
    assert grouped.run(lake, "shard", Inputs(refs=(first_shard(lake),)), Suffix()).manifest.rows_in == {"redacted": 1}


def test_a_function_that_takes_another_number_of_arguments_is_refused_where_it_is_declared() -> None:
    def short(config: Suffix) -> pa.Table:
        raise AssertionError("never called")

    with pytest.raises(TypeError, match="step short calls its function with 2 arguments"):
        shard_step("short", version=1, reads=(Redacted,), writes=(Redacted,))(short)


def test_no_config_can_hold_a_context() -> None:
    class Models(StepContext):
        pass

    with pytest.raises(TypeError, match="Models is not part of what a step's output depends on"):
        type("Wrong", (Config,), {"__annotations__": {"models": Models}})
