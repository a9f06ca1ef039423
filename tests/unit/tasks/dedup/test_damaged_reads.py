"""Whoever reads a stored file that is damaged or gone is told which one, of which step, and what makes it anew."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.core.config import Config
from gristmill.core.errors import DamageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Ref
from gristmill.core.steps.files import Written, files_step
from gristmill.core.steps.inputs import Inputs
from gristmill.flows.sizes import size_text
from gristmill.schemas.tables import Clusters, Documents, Records
from gristmill.tasks.dedup.report import largest_clusters
from gristmill.tasks.gates.gate import GATES
from gristmill.tasks.gates.suites import GateConfig, load_suite
from gristmill.tasks.ledger.record_notes import record_notes
from tests.helpers.ledger_rows import documents_of
from tests.unit.flows.upkeep.test_verify import Numbers, cut, flip, joined, run, words


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    found = Lake.open(tmp_path / "a lake")
    run(found)
    return found


def flip_in(path: Path, column: str) -> None:
    """One bit in the last page of a column."""
    found = pq.read_metadata(path).row_group(0)
    chunk = next(found.column(n) for n in range(found.num_columns) if found.column(n).path_in_schema == column)
    data = bytearray(path.read_bytes())
    first = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    data[first + chunk.total_compressed_size - 1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [flip, cut, Path.unlink])
def test_the_message_names_file_step_lake_and_command(lake: Lake, harm: Callable[[Path], None]) -> None:
    (ref,) = run(lake)["doubled"].outputs
    harm(lake.path(ref))
    with pytest.raises(DamageError) as found:
        lake.read(ref)
    said = str(found.value)
    assert said.startswith(f"{lake.path(ref)}: this file of the lake is ")
    assert ("is missing." in said) == (harm is Path.unlink)
    assert ("It was moved to" in said) == (harm is not Path.unlink)
    assert "table doubled of shard s; step doubled wrote it." in said
    assert f"`gristmill curate --lake {shlex.quote(str(lake.root))} ...` for the source all again" in said
    assert "LAKE" not in said


def test_what_no_dataset_names_is_made_by_the_command_of_what_was_made_of_it(lake: Lake) -> None:
    between = joined.run(lake, "t", Inputs(refs=run(lake)["numbers"].outputs), Config()).manifest.outputs
    cut(lake.path(between[0]))
    with pytest.raises(DamageError, match=r"step joined wrote it.*Run the same command again"):
        lake.read(between[0])
    pointer = lake.root / "catalog" / "curation" / "all.json"
    dataset = lake.expect("curation", "all")
    pointer.write_bytes(b"{}")
    with pytest.raises(DamageError, match=r"which curation all is current\. `gristmill verify --lake .* source all"):
        lake.dataset("curation", "all")
    pointer.unlink()
    kept = {name: refs for name, refs in dataset.tables.items() if name == "doubled"}
    lake.commit(dataset.model_copy(update={"tables": kept, "files": {}}))
    source = dataset.tables["numbers"][0]  # named by none now, but the doubles were made of it
    cut(lake.path(source))
    with pytest.raises(DamageError, match=r"step numbers wrote it.*gristmill curate .* source all again"):
        lake.read(source)


def test_a_damaged_description_does_not_hide_the_damage(lake: Lake) -> None:
    (ref,) = run(lake)["doubled"].outputs
    whole = lake.path(ref).read_bytes()
    for text in (b'{"step"', b'{"step": "x"}', b'{"step": "x", "outputs": 3, "files": []}', b"[]"):
        for path in (lake.root / "data").rglob("*.json"):
            path.write_bytes(text)
        flip(lake.path(ref))
        with pytest.raises(DamageError, match="no manifest says which step wrote it"):
            lake.check(ref)
        lake.path(ref).write_bytes(whole)


def test_a_lake_that_cannot_be_written_tells_damage_all_the_same(lake: Lake) -> None:
    (ref,) = run(lake)["doubled"].outputs
    flip(lake.path(ref))
    (lake.root / "damaged").write_bytes(b"in the way of what is moved")
    with pytest.raises(DamageError, match=r"`gristmill verify --lake .* moves what is damaged aside"):
        lake.read(ref)


def test_folders_given_to_a_step_are_checked(lake: Lake) -> None:
    (folder,) = run(lake)["words"].files

    @files_step("longer", version=1, reads=(Numbers,), folders=True)
    def longer(paths: list[Path], folders: list[Path], config: Config, out: Path) -> Written:
        return Written()

    flip(lake.files_path(folder) / "a.txt")
    with pytest.raises(DamageError, match="files words of shard s; step words wrote it"):
        longer.run(lake, "s", Inputs(refs=run(lake)["numbers"].outputs, files=(folder,)), Config())
    assert run(lake)["words"] == words.run(lake, "s", Inputs(refs=run(lake)["numbers"].outputs), Config()).manifest


def documents(lake: Lake) -> Ref:
    found = documents_of({f"{number:03}": "the text of every page" for number in range(3)})
    return lake.write_table(Documents, "s", "k", found)


def test_a_gate_stops_at_a_text_that_is_damaged(lake: Lake) -> None:
    ref = documents(lake)
    gate = GATES["documents"]
    config = GateConfig(suite=load_suite("documents"), source="s")
    flip_in(lake.path(ref), "text")
    with pytest.raises(DamageError, match="table documents of shard s"):
        gate.run(lake, "s", Inputs(refs=(ref,)), config)


def test_a_step_gets_no_path_of_documents_with_damage_beside_their_texts(lake: Lake) -> None:
    ref = documents(lake)
    Inputs(refs=(ref,)).check(lake, (Documents,), tables=True, texts=False)
    flip_in(lake.path(ref), "host")
    with pytest.raises(DamageError, match="table documents of shard s"):
        Inputs(refs=(ref,)).check(lake, (Documents,), tables=True, texts=False)


def test_notes_and_clusters_are_not_counted_from_damaged_files(lake: Lake, tmp_path: Path) -> None:
    rows = [
        {"doc_id": f"{n:032}", "source": "s", "native_id": "a long id of its own", "record_uri": f"f@{n}"}
        for n in range(3)
    ]
    blank = {"kind": "row", "payload": b"x", "payload_digest": "0"}
    given = [{name: {**blank, **row}.get(name) for name in Records.schema.names} for row in rows]
    records = tmp_path / "records.parquet"
    pq.write_table(pa.Table.from_pylist(given), records, compression="none", write_page_checksum=True)
    record_notes([records], tmp_path / "scratch")
    flip_in(records, "native_id")
    with pytest.raises(DamageError):
        record_notes([records], tmp_path / "scratch")
    with pytest.raises(DamageError, match="missing"):
        largest_clusters([tmp_path / f"{Clusters.name}.parquet"], [])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (812, "812 B"), (1023.4, "1023 B"), (1023.7, "1.0 KiB"), (35_300, "34.5 KiB"), (1_048_570, "1.0 MiB"),
     (3 << 30, "3.0 GiB"), (5000 << 50, "5,000.0 PiB")],
)  # fmt: skip
def test_sizes_are_in_the_unit_that_fits(value: float, text: str) -> None:
    assert size_text(value) == text
