"""The blank database for later lakes: taken from a server's own, laid down only where whole, never in the way."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gristmill.flows.prefect.database import NAME, blank_path, keep, lay_down, put_damaged_aside


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder, empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def server_home(folder: Path, runs: int = 0) -> Path:
    """What a server has that has just come up: migrated, in WAL mode, and still open in the real case."""
    folder.mkdir()
    with closing(sqlite3.connect(folder / NAME)) as database, database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES ('a3b9')")
        database.execute("CREATE TABLE flow_run (id TEXT)")
        database.executemany("INSERT INTO flow_run VALUES (?)", [(str(run),) for run in range(runs)])
    return folder


def empty_home(folder: Path) -> Path:
    folder.mkdir()
    return folder


def migrations(home: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(home / NAME)) as database:
        return database.execute("SELECT version_num FROM alembic_version").fetchall()


def test_a_new_lake_begins_from_the_copy_of_the_first(tmp_path: Path, cache: Path) -> None:
    first = server_home(tmp_path / "first")
    assert not lay_down(empty_home(tmp_path / "before"))
    keep(first)
    later = empty_home(tmp_path / "later")
    assert lay_down(later)
    assert migrations(later) == [("a3b9",)]
    assert [path.name for path in later.iterdir()] == [NAME]
    assert [path.name for path in (cache / "gristmill").iterdir()] == [blank_path().name]


def test_rows_still_in_the_write_ahead_log_are_in_the_copy(tmp_path: Path) -> None:
    home = server_home(tmp_path / "first")
    with closing(sqlite3.connect(home / NAME)) as server:
        server.execute("UPDATE alembic_version SET version_num = 'b4c0'")
        server.commit()
        keep(home)
    later = empty_home(tmp_path / "later")
    assert lay_down(later)
    assert migrations(later) == [("b4c0",)]


def test_a_database_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    keep(server_home(tmp_path / "first"))
    own = server_home(tmp_path / "own", runs=2)
    before = (own / NAME).read_bytes()
    assert not lay_down(own)
    assert (own / NAME).read_bytes() == before


def test_a_write_ahead_log_without_its_database_meets_no_other(tmp_path: Path) -> None:
    keep(server_home(tmp_path / "first"))
    home = empty_home(tmp_path / "half")
    (home / f"{NAME}-wal").write_bytes(b"of a database that was removed")
    assert not lay_down(home)
    assert not (home / NAME).exists()


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0 and no more", b"not a database"])
def test_a_copy_that_is_not_whole_is_not_used(tmp_path: Path, content: bytes) -> None:
    keep(server_home(tmp_path / "first"))
    blank_path().write_bytes(content)
    later = empty_home(tmp_path / "later")
    assert not lay_down(later)
    assert not (later / NAME).exists()
    keep(tmp_path / "first")  # and the next server that comes up replaces it
    assert lay_down(later)


def test_a_copy_with_a_run_in_it_is_not_used(tmp_path: Path) -> None:
    keep(server_home(tmp_path / "first", runs=1))
    assert not lay_down(empty_home(tmp_path / "later"))


def test_where_no_copy_can_be_kept_nothing_fails_and_nothing_stays(tmp_path: Path, cache: Path) -> None:
    cache.write_text("a file, where a folder is wanted")
    keep(server_home(tmp_path / "first"))
    cache.unlink()
    keep(empty_home(tmp_path / "without"))
    assert list((cache / "gristmill").iterdir()) == []
    assert not lay_down(empty_home(tmp_path / "later"))


def test_the_copy_belongs_to_the_user_and_to_one_version_of_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gristmill.flows.prefect.database.version", {"prefect": "3.99.0"}.__getitem__)
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert blank_path() == Path.home() / ".cache" / "gristmill" / "prefect-3.99.0.db"


@pytest.mark.parametrize("damage", ["cut", "garbage", "a page of zeros"])
def test_a_damaged_database_is_put_aside_and_a_new_one_begins(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    keep(server_home(tmp_path / "first"))
    home = server_home(tmp_path / "own", runs=2000)
    whole = (home / NAME).read_bytes()
    broken = {
        "cut": whole[: len(whole) // 2],
        "garbage": b"garbage" * 999,
        "a page of zeros": whole[: len(whole) // 2] + bytes(4096) + whole[len(whole) // 2 + 4096 :],
    }[damage]
    (home / NAME).write_bytes(broken)
    aside = put_damaged_aside(home)
    assert aside is not None
    assert aside.read_bytes() == broken
    assert f"It is now {aside}" in caplog.text
    assert lay_down(home)
    assert put_damaged_aside(home) is None


def test_a_database_that_is_whole_or_in_use_is_left_where_it_is(tmp_path: Path) -> None:
    home = server_home(tmp_path / "own", runs=2)
    assert put_damaged_aside(empty_home(tmp_path / "none")) is None
    assert put_damaged_aside(home) is None
    with closing(sqlite3.connect(home / NAME)) as server:
        server.execute("PRAGMA locking_mode = exclusive")
        server.execute("BEGIN EXCLUSIVE")
        assert put_damaged_aside(home) is None
    assert migrations(home) == [("a3b9",)]
