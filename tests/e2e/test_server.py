"""A lake's own Prefect server: started once, shared, found again, replaced when it is dead, stopped.

The one server of this module is started by two processes at the same time, and stopped by ``gristmill serve --stop``
when its last test is over.
"""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from flows.server import find_server, free_port, record_path, stop_server
from flows.server_database import blank_path
from schemas.lake import Lake
from tests.helpers.cli import GRISTMILL

ENSURE = """
import json, os, sys
from pathlib import Path
from flows.server import ensure_server
server = ensure_server(Path(sys.argv[1]))
print(json.dumps({"url": server.api_url, "pid": server.pid, "started": server.started_here,
                  "told": os.environ["PREFECT_API_URL"], "home": os.environ["PREFECT_HOME"]}))
"""


def plain_environment() -> dict[str, str]:
    """The environment of a user who runs no Prefect server of their own."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}


def start(lake: Path, **environment: str) -> "subprocess.Popen[str]":
    """A process that asks for the lake's server."""
    return subprocess.Popen(
        [sys.executable, "-c", ENSURE, str(lake)],
        env=plain_environment() | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(process: "subprocess.Popen[str]") -> dict[str, Any]:
    out, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The cache folder of a user who has never started a server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield blank_path()


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake whose record names a server that is dead."""
    root = Lake.open(tmp_path_factory.mktemp("lake") / "lake").root
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        created = psutil.Process(dead.pid).create_time()
    record_path(root).parent.mkdir(parents=True)
    write_record(root, pid=dead.pid, created=created, api_url=f"http://127.0.0.1:{free_port()}/api")
    return root


@pytest.fixture(scope="module")
def starters(lake: Path, cache: Path) -> Iterator[list[dict[str, Any]]]:
    """What two processes got that asked for the server at the same time; afterwards the server is stopped for good."""
    try:
        found = [answer(process) for process in [start(lake), start(lake)]]
        family = [psutil.Process(found[0]["pid"]), *psutil.Process(found[0]["pid"]).children(recursive=True)]
        yield found
        ended = stop(lake)
    finally:
        stop_server(lake)
    assert (ended.returncode, ended.stderr.strip()) == (0, "stopped the Prefect server")
    assert not [entry for entry in family if entry.is_running() and entry.status() != psutil.STATUS_ZOMBIE]
    assert find_server(lake) is None
    assert not record_path(lake).exists()


def stop(lake: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [GRISTMILL, "serve", "--stop", "--lake", str(lake)],
        env=plain_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def write_record(root: Path, **values: object) -> None:
    record_path(root).write_text(json.dumps(values), encoding="utf-8")


def test_a_record_of_a_dead_server_is_no_server(tmp_path: Path) -> None:
    root = Lake.open(tmp_path / "lake").root
    assert find_server(root) is None
    record_path(root).parent.mkdir(parents=True)
    me = psutil.Process()
    url = f"http://127.0.0.1:{free_port()}/api"
    write_record(root, pid=me.pid, created=me.create_time() - 100, api_url=url)  # the pid is another's now
    assert find_server(root) is None
    write_record(root, pid=me.pid, created=me.create_time(), api_url=url)  # it lives, and does not answer
    assert find_server(root) is None
    record_path(root).write_text('{"pid": 1', encoding="utf-8")
    assert find_server(root) is None


def test_two_that_start_at_once_get_one_server(lake: Path, starters: list[dict[str, Any]]) -> None:
    first, second = starters
    assert (first["url"], first["pid"]) == (second["url"], second["pid"])
    assert sorted([first["started"], second["started"]]) == [False, True]
    for starter in starters:
        assert starter["told"] == starter["url"]  # what it starts uses the same server
        assert starter["home"] == str(lake / "prefect")
    recorded = json.loads(record_path(lake).read_text(encoding="utf-8"))
    assert (recorded["pid"], recorded["api_url"]) == (first["pid"], first["url"])
    assert len(listeners(first["pid"])) == 1


def listeners(pid: int) -> set[tuple[str, int]]:
    """Addresses that a process and its children listen on."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return {
        (entry.laddr.ip, entry.laddr.port)
        for process in family
        for entry in process.net_connections("tcp")
        if entry.status == psutil.CONN_LISTEN
    }


def test_the_server_serves_on_loopback_and_its_pages_call_it(starters: list[dict[str, Any]]) -> None:
    """With a fastapi of the wrong version Prefect installs cleanly and does not start; this is where it would show."""
    url = starters[0]["url"]
    assert httpx.get(f"{url}/health", timeout=30).json() is True
    assert httpx.get(f"{url}/ready", timeout=30).status_code == httpx.codes.OK
    assert httpx.post(f"{url}/flow_runs/filter", json={"limit": 1}, timeout=30).json() == []
    settings = httpx.get(f"{url.removesuffix('/api')}/ui-settings", timeout=30).json()
    assert settings["api_url"] == url
    assert {address for address, _ in listeners(starters[0]["pid"])} == {"127.0.0.1"}


def test_another_process_uses_the_server_that_runs(lake: Path, starters: list[dict[str, Any]]) -> None:
    found = answer(start(lake))
    assert (found["pid"], found["url"], found["started"]) == (starters[0]["pid"], starters[0]["url"], False)


def test_a_given_server_is_used_and_none_is_started(tmp_path: Path, starters: list[dict[str, Any]]) -> None:
    lake = Lake.open(tmp_path / "lake").root
    found = answer(start(lake, PREFECT_API_URL=starters[0]["url"]))
    assert (found["url"], found["pid"], found["started"]) == (starters[0]["url"], None, False)
    assert not record_path(lake).exists()


def test_a_given_server_that_does_not_answer_is_an_error_with_its_cure(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/api"
    environment = plain_environment() | {"PREFECT_API_URL": url}
    words = ["serve", "--lake", str(tmp_path / "lake")]
    ended = subprocess.run(
        [GRISTMILL, *words], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"gristmill: PREFECT_API_URL is {url}, and no Prefect server answers there.")
    assert "unset PREFECT_API_URL" in ended.stderr
    assert not record_path(tmp_path / "lake").exists()


def schema(database: Path) -> list[tuple[Any, ...]]:
    """Every table, index and trigger, what a server registers at its first start (under random ids), the migration."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        made = opened.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
        made += opened.execute("SELECT 'block type', name, id FROM block_type ORDER BY name").fetchall()
        return made + opened.execute("SELECT version_num FROM alembic_version").fetchall()


def test_the_next_lake_begins_from_a_blank_database_and_its_server_is_the_same(
    lake: Path, cache: Path, starters: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert cache.is_file()
    second = Lake.open(tmp_path / "lake").root
    try:
        found = answer(start(second))
        assert (second / "prefect" / "prefect.db").is_file()
        assert schema(second / "prefect" / "prefect.db") == schema(lake / "prefect" / "prefect.db")
        assert httpx.get(f"{found['url']}/ready", timeout=30).status_code == httpx.codes.OK
        assert httpx.post(f"{found['url']}/flow_runs/filter", json={"limit": 1}, timeout=30).json() == []
        log = (second / "prefect" / "server.log").read_text(encoding="utf-8")
        assert "rror" not in log
    finally:
        stop_server(second)


def test_stopping_a_server_that_does_not_run_says_so(tmp_path: Path) -> None:
    ended = stop(Lake.open(tmp_path / "lake").root)
    assert (ended.returncode, ended.stderr.strip()) == (0, "no Prefect server was running for this lake")
