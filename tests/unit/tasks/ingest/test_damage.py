"""What could not be read is counted by reason and told; a run that lost an input or kept nothing does not end well."""

import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gristmill.core.errors import DamageError
from gristmill.core.lake import Lake
from gristmill.flows.curate.result import LostInputError, NothingKeptError, is_nothing_new, lost_input, nothing_kept
from gristmill.flows.describe import damage_lines
from gristmill.schemas.tables import SetAside
from gristmill.tasks.ingest.damage import BROKEN, EXAMPLES, damage, unread_files
from gristmill.tasks.ingest.readers.reasons import Reason


def rows(lake: Lake, shard: str, *entries: tuple[str, Reason, str]) -> Path:
    table = pa.Table.from_pylist(
        [
            {
                "source": "s",
                "record_uri": uri,
                "stage": "ingest",
                "kind": kind,
                "reason": reason.value,
                "detail": f"what is wrong with {uri}",
            }
            for kind, reason, uri in entries
        ],
        SetAside.schema,
    )
    return lake.path(lake.write_table(SetAside, shard, "k", table))


def test_damage_is_counted_by_kind_and_reason(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    one = rows(
        lake,
        "a",
        ("file", Reason.UNREADABLE, "b.parquet"),
        ("damage", Reason.CUT_OFF, "a.warc.gz@9+9"),
        ("damage", Reason.CUT_OFF, "c.warc.gz@9+9"),
        ("record", Reason.TOO_LARGE, "d.jsonl@line:1"),
        ("record", Reason.REDIRECT, "e.warc@0+9"),
    )
    two = rows(lake, "b", ("record", Reason.TRUNCATED, "a.warc.gz@0+9"), ("file", Reason.HIDDEN, ".x"))
    found = damage([one, two])
    assert found["files"] == {"hidden": 1, "unreadable": 1}
    assert found["stretches"] == {"cut_off": 2}
    assert found["records"] == {"too_large": 1, "truncated": 1}
    assert [entry["record_uri"] for entry in found["examples"]] == [
        *(".x", "b.parquet", "a.warc.gz@0+9", "d.jsonl@line:1", "a.warc.gz@9+9", "c.warc.gz@9+9")
    ]
    assert damage([two, one]) == found
    assert unread_files([one, two]) == {"b.parquet", ".x"}
    lines = damage_lines(found)
    assert lines[:3] == [
        "Input files not read: 2 (1 hidden, 1 unreadable)",
        "Damaged byte ranges of inputs: 2 (2 cut_off)",
        "Broken records: 2 (1 too_large, 1 truncated)",
    ]
    assert lines[3] == "  .x: hidden: what is wrong with .x"
    assert lines[-1].startswith("  and 1 more")


def test_examples_are_the_first_ones_whatever_the_number_of_files(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    paths = [
        rows(lake, f"s{n}", *(("damage", Reason.NO_RECORD, f"f@{(7 * n + m * 31) % 1000:04d}") for m in range(30)))
        for n in range(10)
    ]
    found = damage(paths)
    assert found["stretches"] == {"no_record": 300}
    every = sorted(f"f@{(7 * n + m * 31) % 1000:04d}" for n in range(10) for m in range(30))
    assert [entry["record_uri"] for entry in found["examples"]] == every[:EXAMPLES]


def test_nothing_is_told_of_sound_inputs(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    sound = rows(lake, "a", *(("record", reason, f"f@{n}") for n, reason in enumerate(set(Reason) - set(BROKEN))))
    assert damage_lines(damage([sound])) == []


def counts(records: int, kept: int, **rejected: dict[str, int]) -> dict[str, Any]:
    stages, coming = [], records
    for stage in ("ingest", "extract", "decide", "deduplicate", "clean", "review", "curate"):
        of_stage = rejected.get(stage, {})
        leaving = coming - sum(of_stage.values())
        stages.append({"stage": stage, "in": coming, "out": leaving, "rejected": of_stage})
        coming = leaving
    assert coming == kept
    return {"records": records, "kept": kept, "stages": stages}


def test_a_run_that_kept_nothing_names_the_rules_that_removed_most() -> None:
    error = nothing_kept("news", counts(251, 0, ingest={"redirect": 9}, decide={"language": 212, "words": 30}))
    assert error.exit_code == 3
    assert "none of 251 records was kept: language removed 212 (stage decide), words removed 30" in str(error)
    assert "--allow-empty" in str(error)
    assert "the inputs have no records" in str(nothing_kept("news", counts(0, 0)))


def test_nothing_new_is_no_fault() -> None:
    known = counts(20, 0, decide={"language": 2}, deduplicate={"exact": 18})
    assert is_nothing_new(known, ("earlier",))
    assert not is_nothing_new(known, ())
    assert not is_nothing_new(counts(20, 0, decide={"language": 20}), ("earlier",))
    assert not is_nothing_new(counts(20, 0, deduplicate={"exact": 2}, clean={"nothing_left": 18}), ("earlier",))


@pytest.mark.parametrize(
    "error",
    [
        lost_input(("a.parquet",), counts(3, 3)),
        nothing_kept("news", counts(1, 0, decide={"words": 1})),
        DamageError(Path("data/x.parquet"), "it is gone", "Run it again."),
    ],
)
def test_the_errors_survive_the_way_from_a_worker(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - what Ray does with an error of a worker
    assert str(again) == str(error)
    assert type(again) is type(error)
    assert getattr(again, "counts", None) == getattr(error, "counts", None)


def test_what_is_lost_ends_with_code_1_and_says_whether_the_rest_was_kept() -> None:
    some = lost_input(tuple(f"f{n}" for n in range(9)), counts(3, 3))
    assert isinstance(some, LostInputError)
    assert some.exit_code == 1
    assert "f4 and 4 more" in str(some)
    assert "were curated and kept" in str(some)
    assert "were curated and kept" not in str(lost_input(("f",), counts(0, 0)))
    assert NothingKeptError.exit_code == 3
