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
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from gristmill.core.lake import Lake
from gristmill.core.processes import Process, process_of, this_process
from gristmill.flows.prefect.database import blank_path
from gristmill.flows.prefect.home import Record, credential_path, home, place_of, record_path, write_record
from gristmill.flows.prefect.server import find_server, free_port, stop_server
from tests.helpers.cli import GRISTMILL
from tests.helpers.prefect_api import prefect_api

ENSURE = """
import json, os, sys
from pathlib import Path
from gristmill.flows.prefect.server import ensure_server
server = ensure_server(Path(sys.argv[1]), beside=())
print(json.dumps({"url": server.api_url, "pid": server.pid, "started": server.started_here,
                  "told": os.environ["PREFECT_API_URL"], "home": os.environ["PREFECT_HOME"],
                  "credential": os.environ.get("PREFECT_API_AUTH_STRING")}))
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
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as dead:
        process = process_of(dead.pid)
        dead.communicate(b"\n")
    record_path(root).parent.mkdir(parents=True)
    record(root, process, f"http://127.0.0.1:{free_port()}/api")
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


def record(root: Path, process: Process, url: str) -> None:
    place = place_of(home(root))
    assert place is not None
    named = Record(host=process.host, pid=process.pid, started=process.started, api_url=url, place=place)
    write_record(home(root), named)


def test_a_record_of_a_dead_server_is_no_server(tmp_path: Path) -> None:
    root = Lake.open(tmp_path / "lake").root
    assert find_server(root) is None
    record_path(root).parent.mkdir(parents=True)
    me = this_process()
    url = f"http://127.0.0.1:{free_port()}/api"
    record(root, replace(me, started=me.started - 100_000), url)  # the pid is another's now
    assert find_server(root) is None
    record(root, me, url)  # it lives, and does not answer
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
        assert starter["credential"] == credential_path(lake).read_text(encoding="utf-8").strip()
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
    assert httpx.get(f"{url}/health", timeout=120).json() is True
    assert httpx.get(f"{url}/ready", timeout=120).status_code == httpx.codes.OK
    assert prefect_api(url, starters[0]["credential"]).post("/flow_runs/filter", json={"limit": 1}).json() == []
    settings = httpx.get(f"{url.removesuffix('/api')}/ui-settings", timeout=120).json()
    assert settings["api_url"] == url
    assert {address for address, _ in listeners(starters[0]["pid"])} == {"127.0.0.1"}


@pytest.mark.parametrize("credential", [None, "gristmill:", "gristmill:wrong"])
def test_without_the_credential_nothing_is_read_or_written(
    starters: list[dict[str, Any]], credential: str | None
) -> None:
    client = httpx.Client(base_url=starters[0]["url"], timeout=120)
    if credential is not None:
        client.auth = ("gristmill", credential.partition(":")[2])
    for path in ("/admin/version", "/csrf-token?client=x", "/deployments/name/evaluate/on-demand", "/admin/settings"):
        assert client.get(path).status_code == httpx.codes.UNAUTHORIZED
    wanted = {"name": "planted"}
    assert client.post("/flows/", json=wanted).status_code == httpx.codes.FORBIDDEN  # no token against forged requests
    forged = {"Prefect-Csrf-Client": "x", "Prefect-Csrf-Token": "x"}
    assert client.post("/flows/", json=wanted, headers=forged).status_code == httpx.codes.FORBIDDEN
    own = prefect_api(starters[0]["url"], starters[0]["credential"])
    assert own.post("/flows/filter", json={"flows": {"name": {"any_": ["planted"]}}}).json() == []


def test_the_credential_alone_does_not_write(starters: list[dict[str, Any]]) -> None:
    """What a browser sends by itself, once its user has logged in, is not enough."""
    name, _, password = starters[0]["credential"].partition(":")
    answer = httpx.post(f"{starters[0]['url']}/flows/", json={"name": "planted"}, auth=(name, password), timeout=120)
    assert (answer.status_code, "CSRF" in answer.text) == (httpx.codes.FORBIDDEN, True)


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example:80"}],
)
def test_with_the_credential_a_foreign_page_is_refused(starters: list[dict[str, Any]], headers: dict[str, str]) -> None:
    client = prefect_api(starters[0]["url"], starters[0]["credential"])
    for path in ("/admin/version", "/health"):
        answer = client.get(path, headers=headers)
        assert (answer.status_code, "access-control-allow-origin" in answer.headers) == (httpx.codes.FORBIDDEN, False)
    assert client.post("/flows/", json={"name": "planted"}, headers=headers).status_code == httpx.codes.FORBIDDEN


def test_no_list_of_processes_shows_the_credential(starters: list[dict[str, Any]]) -> None:
    secret = starters[0]["credential"].partition(":")[2]
    server = psutil.Process(starters[0]["pid"])
    assert "gristmill.flows.prefect.process" in server.cmdline()
    assert not any(secret in word for word in server.cmdline())


def test_another_process_uses_the_server_that_runs(lake: Path, starters: list[dict[str, Any]]) -> None:
    found = answer(start(lake))
    assert (found["pid"], found["url"], found["started"]) == (starters[0]["pid"], starters[0]["url"], False)


def test_a_given_server_is_used_and_none_is_started(tmp_path: Path, starters: list[dict[str, Any]]) -> None:
    lake = Lake.open(tmp_path / "lake").root
    login = {"PREFECT_API_URL": starters[0]["url"], "PREFECT_API_AUTH_STRING": starters[0]["credential"]}
    found = answer(start(lake, **login))
    assert (found["url"], found["pid"], found["started"]) == (starters[0]["url"], None, False)
    assert found["credential"] == starters[0]["credential"]
    assert not record_path(lake).exists()


@pytest.mark.parametrize("credential", [{}, {"PREFECT_API_AUTH_STRING": "gristmill:wrong"}])
def test_a_given_server_that_wants_a_login_is_an_error_with_its_hint(
    tmp_path: Path, starters: list[dict[str, Any]], credential: dict[str, str]
) -> None:
    process = start(Lake.open(tmp_path / "lake").root, PREFECT_API_URL=starters[0]["url"], **credential)
    _, errors = process.communicate(timeout=120)
    assert "refuses this user (HTTP 401). Set PREFECT_API_AUTH_STRING" in errors


def test_a_given_server_that_does_not_answer_is_an_error_with_its_hint(tmp_path: Path) -> None:
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
        assert httpx.get(f"{found['url']}/ready", timeout=120).status_code == httpx.codes.OK
        client = prefect_api(found["url"], found["credential"])
        assert client.post("/flow_runs/filter", json={"limit": 1}).json() == []
        assert found["credential"] != starters[0]["credential"]
        log = (second / "prefect" / "server.log").read_text(encoding="utf-8")
        assert "rror" not in log
    finally:
        stop_server(second)


def test_stopping_a_server_that_does_not_run_says_so(tmp_path: Path) -> None:
    ended = stop(Lake.open(tmp_path / "lake").root)
    assert (ended.returncode, ended.stderr.strip()) == (0, "no Prefect server was running for this lake")
