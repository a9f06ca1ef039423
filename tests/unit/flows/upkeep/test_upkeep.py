"""``gristmill verify`` and ``gristmill gc`` on the command line: what they print, and how they end."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gristmill.core.errors import GristmillError
from gristmill.core.lake import Lake
from gristmill.flows.cli.app import app
from tests.unit.flows.upkeep.test_collect import curate

RUNNER = CliRunner()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    found = Lake.open(tmp_path / "lake")
    curate(found, 1)
    curate(found, 2)
    return found


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 8
    path.write_bytes(data)


def test_verify_lists_what_is_damaged_and_ends_with_code_1(lake: Lake) -> None:
    sound = RUNNER.invoke(app, ["verify", "--lake", str(lake.root)])
    assert (sound.exit_code, sound.exception) == (0, None)
    assert "KiB: all as they were written" in sound.output
    ref = lake.expect("curation", "news").tables["curated"][0]
    flip(lake.path(ref))
    for _ in range(2):
        shown = RUNNER.invoke(app, ["verify", "--lake", str(lake.root), "--json", "--dry-run"])
        assert isinstance(shown.exception, GristmillError)
        assert shown.exception.exit_code == 1
        assert f"`gristmill curate --lake {lake.root} ...` for the source news again" in str(shown.exception)
    (damaged,) = json.loads(shown.stdout)["damaged"]
    assert damaged["path"] == lake.path(ref).relative_to(lake.root).as_posix()
    assert damaged["moved_to"] is None
    moved = RUNNER.invoke(app, ["verify", "--lake", str(lake.root)])
    assert f"Moved to {lake.root / 'damaged'}: 1." in str(moved.exception)
    gone = RUNNER.invoke(app, ["verify", "--lake", str(lake.root)])
    assert "it is gone" in gone.stdout
    assert "Moved to" not in str(gone.exception), "nothing was there to be moved"
    curate(lake, 2)
    assert RUNNER.invoke(app, ["verify", "--lake", str(lake.root)]).exit_code == 0


def test_gc_removes_only_when_told_to(lake: Lake) -> None:
    def ask(*words: str) -> dict[str, object]:
        ended = RUNNER.invoke(app, ["gc", "--lake", str(lake.root), "--json", *words])
        assert ended.exit_code == 0, ended.exception
        found: dict[str, object] = json.loads(ended.stdout)
        return found

    def files() -> int:
        return sum(1 for path in (lake.root / "data").rglob("*") if path.is_file())

    before = files()
    shown = ask("--earlier")
    assert shown["removed"] is False
    assert shown["earlier"] == ask("--earlier")["earlier"]
    assert files() == before
    table = RUNNER.invoke(app, ["gc", "--lake", str(lake.root)])
    assert "Nothing was removed" in table.stdout
    assert "--earlier:" in table.stdout
    assert ask("--earlier", "--delete")["removed"] is True
    assert files() < before
    assert ask("--earlier")["bytes"] == 0
