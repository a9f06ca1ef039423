"""A flipped byte, a cut file and a torn manifest are noticed wherever they are, and the next run makes them anew."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from gristmill.core.config import Config
from gristmill.core.errors import DamageError, GristmillError
from gristmill.core.files.parquet import read_batches, read_rows
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Manifest
from gristmill.core.steps.files import Written, files_step
from gristmill.core.steps.inputs import Inputs, SourceFile
from gristmill.core.steps.kinds import global_step, shard_step, source_step
from gristmill.core.steps.step import Run
from gristmill.core.table import Column, Table
from gristmill.flows.upkeep.verify import verify

COLUMNS = {"n": Column(pa.int64(), "a number"), "name": Column(pa.string(), "its name")}
Numbers = Table("numbers", ("n",), COLUMNS, "Numbers.")
Doubled = Table("doubled", ("n",), COLUMNS, "Twice.")
ROWS = 4000


@source_step("numbers", version=1, writes=(Numbers,))
def numbers(source: SourceFile, config: Config) -> pa.Table:
    draw = random.Random(7)
    return pa.table({"n": range(ROWS), "name": [f"{draw.random()}" for _ in range(ROWS)]})


@shard_step("doubled", version=1, reads=(Numbers,), writes=(Doubled,))
def doubled(given: pa.Table, config: Config) -> pa.Table:
    return pa.table({"n": [2 * n for n in given["n"].to_pylist()], "name": given["name"]})


@global_step("joined", version=1, reads=(Numbers,), writes=(Doubled,))
def joined(paths: list[Path], config: Config, scratch: Path) -> pa.Table:
    return pa.table({"n": [1], "name": [f"{len(paths)}"]})


@files_step("words", version=1, reads=(Numbers,))
def words(paths: list[Path], config: Config, out: Path) -> Written:
    (out / "a.txt").write_text("one two three", encoding="utf-8")
    (out / "b.txt").write_text("four", encoding="utf-8")
    return Written({"words": 4})


def run(lake: Lake) -> dict[str, Manifest]:
    """Every step, and a dataset of what they gave."""
    config = Config()
    given = Inputs(source=SourceFile(Path("given"), "given", "0" * 32))
    first = numbers.run(lake, "s", given, config).manifest
    after = Inputs(refs=first.outputs)
    made = {"numbers": first}
    for entry in (doubled, joined, words):
        made[entry.name] = entry.run(lake, "s", after, config).manifest
    tables = {"numbers": first.outputs, "doubled": made["doubled"].outputs}
    lake.commit(
        Dataset(kind="curation", name="all", config={}, counts={}, tables=tables, files={"w": made["words"].files})
    )
    return made


def content(lake: Lake) -> dict[str, bytes]:
    return {
        path.relative_to(lake.root).as_posix(): path.read_bytes()
        for part in ("data", "catalog")
        for path in sorted((lake.root / part).rglob("*"))
        if path.is_file()
    }


def flip(path: Path) -> None:
    """One bit in the middle, and the same length."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    found = Lake.open(tmp_path / "lake")
    run(found)
    return found


def test_a_sound_lake_is_sound(lake: Lake) -> None:
    found = verify(lake)
    assert found.damaged == ()
    assert found.files == 4 + 4 + 1 + 1  # manifests, outputs, dataset, pointer
    assert found.bytes == sum(map(len, content(lake).values()))  # whatever they are


@pytest.mark.parametrize("harm", [flip, cut, empty, Path.unlink])
def test_any_damage_to_any_file_is_found_and_the_next_run_gives_the_same_bytes(
    lake: Lake, harm: Callable[[Path], None]
) -> None:
    before = content(lake)
    for name in before:
        harm(lake.root / name)
        found = verify(lake)
        if harm is Path.unlink and not name.startswith("data/tables") and not name.startswith("data/files"):
            # a manifest or a pointer that is gone was never made; a dataset that is gone is missed by its pointer
            assert len(found.damaged) == ("datasets" in name), name
        else:
            assert len(found.damaged) >= 1, name
            folder = name if not name.startswith("data/files") else str(Path(name).parent)
            assert found.damaged[0].path in (folder, name), (name, found.damaged)
        run(lake)
        assert content(lake) == before, name
        assert verify(lake).damaged == (), name


def test_what_is_damaged_is_said_with_who_made_and_who_needs_it(lake: Lake) -> None:
    (ref,) = run(lake)["doubled"].outputs
    flip(lake.path(ref))
    (found,) = verify(lake, move=False).damaged
    assert (found.made_by, found.needed_by, found.moved_to) == ("step doubled", ("curation all",), None)
    assert lake.path(ref).is_file()
    (moved,) = verify(lake).damaged
    assert moved.moved_to == f"damaged/{lake.path(ref).relative_to(lake.root).as_posix()}"
    assert not lake.path(ref).exists()


def test_what_only_lies_between_is_part_of_what_was_made_of_it(lake: Lake) -> None:
    run(lake)
    dataset = lake.expect("curation", "all")
    kept = {"doubled": dataset.tables["doubled"]}
    lake.commit(dataset.model_copy(update={"name": "fewer", "tables": kept, "files": {}}))
    (lake.root / "catalog" / "curation" / "all.json").unlink()
    flip(lake.path(dataset.tables["numbers"][0]))
    (found,) = verify(lake, move=False).damaged
    assert found.needed_by == ("curation fewer",)
    flip(lake.path(dataset.tables["numbers"][0]))
    flip(lake.files_path(dataset.files["w"][0]) / "a.txt")
    (found,) = verify(lake, move=False).damaged
    assert found.needed_by == ()


def test_a_step_never_reads_a_damaged_shard(lake: Lake) -> None:
    """Of one bit flipped anywhere in the pages none gets through, whichever kind of step reads them."""
    (ref,) = run(lake)["numbers"].outputs
    whole = lake.path(ref).read_bytes()
    draw = random.Random(3)
    readers: list[Callable[[], object]] = [
        lambda: lake.read(ref),
        lambda: joined.call(Run(lake, "s", "k", Inputs(refs=(ref,)), Config())),
        lambda: words.call(Run(lake, "s", "k", Inputs(refs=(ref,)), Config())),
        lambda: list(read_batches(lake.path(ref), ["n", "name"], 100)),
        lambda: read_rows(lake.path(ref)),
    ]
    for read in readers:
        for _ in range(8):
            data = bytearray(whole)
            data[draw.randrange(100, len(data) - 2000)] ^= 1 << draw.randrange(8)
            lake.path(ref).write_bytes(data)
            with pytest.raises(DamageError, match=r"`gristmill curate --lake .* source all again"):
                read()
    assert numbers.run(lake, "s", Inputs(source=SourceFile(Path("x"), "given", "0" * 32)), Config()).manifest
    (lake.path(ref)).write_bytes(whole)


def test_a_shard_found_damaged_while_it_is_read_is_made_anew_by_the_next_run(lake: Lake) -> None:
    made = run(lake)
    (ref,) = made["numbers"].outputs
    before = content(lake)
    lake.manifest_path("doubled", "s", made["doubled"].key).unlink()
    flip(lake.path(ref))
    with pytest.raises(DamageError, match="It was moved to"):
        run(lake)
    run(lake)
    assert content(lake) == before


def test_a_manifest_cut_short_counts_as_none(lake: Lake) -> None:
    made = run(lake)
    for name, manifest in made.items():
        path = lake.manifest_path(name, "s", manifest.key)
        whole = path.read_bytes()
        for size in (0, 1, len(whole) // 2, len(whole) - 3):
            path.write_bytes(whole[:size])
            assert lake.manifest(name, "s", manifest.key) is None
        run(lake)
        assert path.read_bytes() == whole


def test_a_folder_that_lost_a_byte_or_a_file_counts_as_none(lake: Lake) -> None:
    manifest = run(lake)["words"]
    folder = lake.files_path(manifest.files[0])
    (folder / "b.txt").write_text("fou", encoding="utf-8")
    assert lake.manifest("words", "s", manifest.key) is None
    (folder / "b.txt").unlink()
    assert lake.manifest("words", "s", manifest.key) is None


@pytest.mark.parametrize("text", ["", '{"key"', "{}", "[]", '{"key": 3}'])
def test_a_torn_pointer_or_marker_gives_a_message_and_no_traceback(lake: Lake, text: str) -> None:
    pointer = lake.root / "catalog" / "curation" / "all.json"
    pointer.write_text(text, encoding="utf-8")
    with pytest.raises(DamageError, match="gristmill verify"):
        lake.dataset("curation", "all")
    (lake.root / "lake.json").write_text(text, encoding="utf-8")
    with pytest.raises(GristmillError, match=r"Write .* into it"):
        Lake.open(lake.root)


def test_a_pointer_to_a_dataset_that_is_gone_is_not_taken_for_none(lake: Lake) -> None:
    pointer = lake.root / "catalog" / "curation" / "all.json"
    pointer.write_bytes(pointer.read_bytes().replace(b'"key": "', b'"key":"').replace(b'":"', b'":"0', 1))
    with pytest.raises(DamageError, match="it names a dataset that is gone"):
        lake.dataset("curation", "all")
    assert lake.dataset("curation", "none") is None
    assert lake.dataset("curation", "all", "0" * 16) is None


def test_a_dataset_cut_short_gives_a_message(lake: Lake) -> None:
    (path,) = (lake.root / "data" / "datasets").rglob("*.json")
    cut(path)
    with pytest.raises(DamageError, match="gristmill verify"):
        lake.dataset("curation", "all")


def test_a_bit_flipped_inside_a_manifest_is_found_though_it_is_still_json(lake: Lake) -> None:
    manifest = run(lake)["doubled"]
    path = lake.manifest_path("doubled", "s", manifest.key)
    entry = json.loads(path.read_bytes())
    entry["inputs"][0]["digest"] = "f" * 32
    path.write_text(json.dumps(entry, sort_keys=True), encoding="utf-8")
    assert [found.path for found in verify(lake, move=False).damaged] == [path.relative_to(lake.root).as_posix()]


@pytest.mark.parametrize("kind", ["data/manifests", "data/datasets", "catalog"])
def test_a_description_that_the_disk_does_not_give_is_damage(lake: Lake, kind: str) -> None:
    run(lake)
    path = min((lake.root / kind).rglob("*.json"))
    path.unlink()
    path.mkdir()  # what cannot be read as a file, whoever reads it
    (damaged,) = verify(lake).damaged
    assert (damaged.path, damaged.fault) == (path.relative_to(lake.root).as_posix(), "it cannot be read")
    assert damaged.moved_to is not None
    run(lake)
    assert not verify(lake).damaged
