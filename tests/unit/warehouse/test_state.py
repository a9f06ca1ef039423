"""Submissions: stored once, seen by every process, never half."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from gristmill.core.errors import DamageError, GristmillError
from gristmill.schemas.evaluation import BackendSettings, EvaluationMeans
from gristmill.schemas.submission import Submission, data_problem, folder_problem
from gristmill.warehouse.build.migrate import read_migrations
from gristmill.warehouse.submissions import MIGRATIONS, State

WRITER = """
import sys
from pathlib import Path
from gristmill.schemas.submission import Submission
from gristmill.warehouse.submissions import State

state = State(Path(sys.argv[1]))
for number in range(20):
    state.submit(Submission(checkpoint=f"/c/{sys.argv[2]}/{number}", suites=["reading"]), "writer " + sys.argv[2])
    state.submissions()
"""


def test_nothing_is_made_before_the_first_write(tmp_path: Path) -> None:
    state = State(tmp_path)
    assert state.submissions() == []
    assert state.submission("0" * 32) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"no database at all, and longer than a header of one would be" * 20, "torn", "flipped"]
)
def test_a_damaged_list_is_told_and_left_where_it_is(tmp_path: Path, content: bytes | str) -> None:
    state = State(tmp_path)
    given = Submission(checkpoint="/models/m", suites=["reading"])
    state.submit(given, "ann")
    with sqlite3.connect(state.path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = state.path.read_bytes()
    harmed = {"torn": whole[: len(whole) // 2 + 100], "flipped": whole.replace(b'["reading"]', b'["reading";')}
    state.path.write_bytes(content if isinstance(content, bytes) else harmed[content])
    with pytest.raises(DamageError, match="Scores are stored elsewhere"):
        state.submissions()
    if content != "flipped":
        with pytest.raises(DamageError, match="Scores are stored elsewhere"):
            state.submit(given, "ann")


def test_a_submission_goes_through_its_life(tmp_path: Path) -> None:
    state = State(tmp_path)
    given = Submission(checkpoint=" /models/磨坊 ", suites=["reading", "code", "reading"], label="a 'quoted' name")
    stored = state.submit(given, "ann")
    assert stored.checkpoint == "/models/磨坊"
    assert stored.suites == ["reading", "code"]
    assert stored.status == "queued"
    state.attach(stored.id, "run-0")
    state.update(stored.id, "running", flow_run="run-1")
    state.update(stored.id, "failed", error="no tokenizer")
    found = State(tmp_path).submission(stored.id)
    assert found is not None
    assert (found.status, found.flow_run, found.error) == ("failed", "run-1", "no tokenizer")
    assert found.updated_at >= found.created_at
    second = state.submit(given, "bob")
    assert [row.id for row in state.submissions()] == [second.id, stored.id]
    assert [row.id for row in state.submissions(limit=1)] == [second.id]
    assert [row.id for row in state.submissions(status="failed")] == [stored.id]
    with pytest.raises(GristmillError, match="no submission"):
        state.update("0" * 32, "running")


def test_what_was_stored_before_it_could_say_more_reads_as_it_was_done(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.path.parent.mkdir()
    first = read_migrations(MIGRATIONS)[0]
    row = ("0" * 32, "/c", '["reading"]', "old\x1b", "ann", "queued", "2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z")
    with sqlite3.connect(state.path) as database:
        database.executescript(first.sql)
        database.execute("CREATE TABLE migrations (name TEXT PRIMARY KEY, digest TEXT NOT NULL) STRICT")
        database.execute("INSERT INTO migrations VALUES (?, ?)", (first.name, first.digest))
        database.execute("INSERT INTO submissions VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)", row)
        database.execute("PRAGMA user_version = 1")
    database.close()
    (old,) = state.submissions()
    assert (old.label, old.suites) == ("old\ufffd", ["reading"])
    assert {name: getattr(old, name) for name in EvaluationMeans.model_fields} == dict(EvaluationMeans())
    said = {
        "data": "/数据",
        "download": True,
        "fresh": True,
        "accept_licences": ["CC-BY-NC-SA-4.0"],
        "backend": {"name": "http://127.0.0.1:8000/v1/", "model": "m", "dtype": "bfloat16", "timeout": 9.5},
    }
    new = state.submit(Submission.model_validate({"checkpoint": "/c", "suites": ["ceval@9"], **said}), "ann")
    assert [row.id for row in state.submissions()] == [new.id, old.id]
    assert state.submission(new.id) == new
    assert new.backend == BackendSettings(name="http://127.0.0.1:8000/v1", model="m", dtype="bfloat16", timeout=9.5)


def test_many_processes_write_at_once_from_the_first_moment(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(number)], stderr=subprocess.PIPE)
        for number in range(4)
    ]
    for writer in writers:
        _, error = writer.communicate(timeout=120)
        assert writer.returncode == 0, error.decode()
    rows = State(tmp_path).submissions(limit=1000)
    assert len(rows) == 80
    assert len({row.checkpoint for row in rows}) == 80


def test_a_changed_migration_is_an_error(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.submit(Submission(checkpoint="/c", suites=["reading"]), "ann")
    with sqlite3.connect(state.path) as database:
        database.execute("UPDATE migrations SET digest = 'other'")
    database.close()
    with pytest.raises(GristmillError, match=r"001_submissions was changed.*state"):
        state.submissions()


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(GristmillError, match="cannot be written"):
        State(tmp_path).submit(Submission(checkpoint="/c", suites=["reading"]), "ann")


@pytest.mark.parametrize(
    "values",
    [
        {"checkpoint": "", "suites": ["reading"]},
        {"checkpoint": "/c", "suites": []},
        {"checkpoint": "/c", "suites": ["../etc"]},
        {"checkpoint": "/c", "suites": ["a b"]},
        {"checkpoint": "/c", "suites": ["reading"], "label": "x" * 121},
        {"checkpoint": "/c", "suites": ["reading"], "lable": "x"},
        {"checkpoint": "/c", "suites": ["reading"], "backend": {"name": "vlmm"}},
        {"checkpoint": "/c", "suites": ["reading"], "backend": {"timeout": float("inf")}},
    ],
)
def test_wrong_submissions_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Submission.model_validate(values)


def test_a_folder_is_looked_at_by_names_only(tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.mkdir()
    (good / "model.safetensors").touch()
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "pytorch_model.bin").touch()
    empty = tmp_path / "empty"
    empty.mkdir()
    link = good / "out"
    link.symlink_to(pickled)
    assert folder_problem(str(good)) is None
    assert folder_problem(str(good), [tmp_path]) is None
    assert "absolute" in (folder_problem("good") or "")
    assert "no such folder" in (folder_problem(str(tmp_path / "x")) or "")
    assert "this is a file" in (folder_problem(str(good / "model.safetensors")) or "")
    assert "pickle" in (folder_problem(str(pickled)) or "")
    assert "no *.safetensors" in (folder_problem(str(empty)) or "")
    assert "these folders only" in (folder_problem(str(link), [good]) or "")
    assert "these folders only" in (folder_problem("/etc/../etc", [tmp_path]) or "")
    assert "cannot be read" in (folder_problem(f"{good}\0", [tmp_path]) or "")


def test_a_data_folder_is_held_to_the_same_rule(tmp_path: Path) -> None:
    data, link = tmp_path / "data", tmp_path / "link"
    data.mkdir()
    link.symlink_to("/etc")
    assert data_problem("", [tmp_path]) is None
    assert data_problem(str(data), [tmp_path]) is None
    assert "absolute" in (data_problem("data") or "")
    assert "no such folder" in (data_problem(str(tmp_path / "x"), [tmp_path]) or "")
    assert "these folders only" in (data_problem(str(link), [tmp_path]) or "")
    assert "these folders only" in (data_problem(f"{data}/../..", [tmp_path]) or "")
