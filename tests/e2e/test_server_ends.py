"""Whose Prefect server it is, and when it ends: bound to its lake's place, gone with it, gone when nobody uses it."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gristmill.core.lake import Lake
from gristmill.flows.prefect.home import IDLE, home, read_record, record_path
from gristmill.flows.prefect.server import find_server, stop_server
from tests.helpers.lake_server import end, ended, listed, running, start, until
from tests.helpers.prefect_api import prefect_api

FLOW = "told-to-the-original"


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Path]:
    root = Lake.open(tmp_path / "lake").root
    yield root
    if home(root).is_dir():
        stop_server(root)


def test_a_copy_of_a_lake_gets_a_server_of_its_own_and_a_moved_one_knows_its_runs(lake: Path, tmp_path: Path) -> None:
    """It is copied while the original's server runs, with its record, credential and database; then the original is
    moved, and its server ends."""
    end(start(lake))
    original = running(lake)
    told = prefect_api(original.url, original.credential)
    told.post("/flows/", json={"name": FLOW}).raise_for_status()
    named = {"flows": {"name": {"any_": [FLOW]}}}
    copy, moved = tmp_path / "copy", tmp_path / "moved"
    shutil.copytree(lake, copy)
    assert find_server(copy) is None
    try:
        end(start(copy))
        own = running(copy)
        assert own.process.pid != original.process.pid
        assert own.credential != original.credential
        assert prefect_api(own.url, own.credential).post("/flows/filter", json=named).json() == []
        assert [flow["name"] for flow in told.post("/flows/filter", json=named).json()] == [FLOW]
        found = listed()
        for root, server in ((lake, original), (copy, own)):
            assert found[f"Prefect of {root}"].startswith(f"pid {server.process.pid}, ")
            assert found[f"Prefect of {root}"].endswith(" MiB, idle")
    finally:
        stop_server(copy)
    assert not ended(original.process), "stopping the copy's server leaves the original's"

    lake.rename(moved)
    try:
        end(start(moved))
        assert until(lambda: ended(original.process))
        after = running(moved)
        assert len(prefect_api(after.url, after.credential).post("/flows/filter", json=named).json()) == 1
    finally:
        stop_server(moved)


def test_a_server_ends_when_it_is_neither_held_nor_asked_and_at_once_when_its_lake_is_deleted(lake: Path) -> None:
    holder = start(lake, hold=True, **{IDLE: "4"})
    server = running(lake)
    time.sleep(6)  # idle all that time, and held
    assert not ended(server.process)
    assert listed()[f"Prefect of {lake}"].endswith(f" MiB, used by {holder.pid}")
    client = prefect_api(server.url, server.credential)
    holder.kill()
    holder.communicate()
    deadline = time.monotonic() + 6
    while time.monotonic() < deadline:  # held no more, and asked
        assert client.get("/admin/version").status_code == 200
        time.sleep(0.2)
    assert until(lambda: ended(server.process))
    assert not record_path(lake).exists()
    log = (home(lake) / "server.log").read_text(encoding="utf-8")
    assert "Traceback" not in log

    holder = start(lake, hold=True)
    another = running(lake)
    assert another.process.pid != server.process.pid
    shutil.rmtree(lake)
    assert until(lambda: ended(another.process))
    end(holder)
    assert not lake.exists(), "it makes no folder again"


def test_the_server_of_an_older_gristmill_is_not_used_and_is_stopped(lake: Path) -> None:
    """Its record has neither place nor credential, and it asks for none."""
    end(start(lake))
    server = running(lake)
    older = {"pid": server.process.pid, "created": server.process.create_time(), "api_url": server.url}
    record_path(lake).write_text(str(older).replace("'", '"'), encoding="utf-8")
    assert find_server(lake) is None
    end(start(lake))
    assert ended(server.process)
    record = read_record(home(lake))
    assert record is not None
    assert record.pid != server.process.pid
    assert psutil.pid_exists(record.pid)
