"""An address of a store is no folder: no command makes one called ``s3:`` and succeeds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from gristmill.core.errors import UsageError
from gristmill.core.files.places import local_path
from gristmill.core.lake import Lake
from gristmill.flows.cli.app import app
from gristmill.warehouse.connection import Warehouse

ADDRESSES = ["s3://bucket/lake", "gs://bucket/lake", "https://example.org/lake", "S3://b", "hf://datasets/x"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_lake_is_never_an_address(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for open_lake in (Lake.open, Warehouse.open):
        with pytest.raises(UsageError, match="must be a place on this machine"):
            open_lake(Path(address))
    assert not list(tmp_path.iterdir())


def test_a_file_address_says_how_to_write_the_path() -> None:
    with pytest.raises(UsageError, match=r"write the path alone: /tmp/lake$"):
        local_path(Path("file:///tmp/lake"), "--lake")


@pytest.mark.parametrize("path", ["lake", "/data/lake", "a/b:c", "c:/lake", "2026-11-30T10:00/lake"])
def test_paths_with_colons_are_paths(path: str) -> None:
    assert local_path(Path(path), "--lake") == Path(path)


def commands_with_a_lake() -> Iterator[str]:
    commands = getattr(get_command(app), "commands", {})
    for name, command in commands.items():
        if any("--lake" in parameter.opts for parameter in command.params):
            yield name


@pytest.mark.parametrize("verb", sorted(commands_with_a_lake()))
def test_every_verb_that_takes_a_lake_refuses_an_address_before_it_makes_anything(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = getattr(get_command(app), "commands", {})[verb]
    (parameter,) = (found for found in command.params if "--lake" in found.opts)
    with pytest.raises(UsageError, match=r"--lake s3://bucket/lake: this must be a place on this machine"):
        parameter.process_value(typer.Context(command), "s3://bucket/lake")
    assert not list(tmp_path.iterdir())
