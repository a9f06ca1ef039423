"""Watching a lake's Prefect server: what ends the command, with what message."""

import os
import shutil
from pathlib import Path
from threading import Event

import pytest

from gristmill.flows.prefect.watch import is_full, watch


def test_a_full_disk_ends_the_command_with_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server answers 500 then, and Prefect's client would ask again for minutes."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=4096))
    told, said = Event(), []

    def lost(reason: str) -> None:
        said.append(reason)
        told.set()

    stop = watch(tmp_path, "http://127.0.0.1:9/api", lambda *_: True, lost)
    assert told.wait(60)
    stop.set()
    assert said == [
        f"the disk of the lake {tmp_path} is full, so its Prefect server cannot record the run. Free space. "
        "Finished work is kept; the same command resumes from there."
    ]


def test_a_disk_with_room_and_a_lake_that_is_gone_are_not_full(tmp_path: Path) -> None:
    assert is_full(tmp_path) is (os.statvfs(tmp_path).f_bavail == 0)
    assert not is_full(tmp_path / "gone")
