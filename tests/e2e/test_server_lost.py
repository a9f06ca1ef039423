"""The Prefect server dies, hangs or is stopped in the middle of work: the work goes on, or ends soon with a message."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from flows.server import stop_server
from flows.server_home import home
from schemas.lake import Lake
from tests.helpers.cli import GRISTMILL, gristmill
from tests.helpers.corpus import crawl, curation
from tests.helpers.lake_server import end, ended, plain_environment, running, start, until
from tests.helpers.prefect_api import prefect_api

FILES = 12
STARTS_WITHIN_S = 240.0
GONE_WITHIN_S = 30.0
STOPS_WITHIN_S = 10.0
GOES_ON = "What was finished is kept; the same command goes on from there."


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Path]:
    root = Lake.open(tmp_path / "lake").root
    yield root
    stop_server(root)


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    crawl(tmp_path / "pages", files=FILES, pages=8)
    return tmp_path / "pages"


@contextmanager
def begun(log: Path, *words: str, **environment: str) -> "Iterator[subprocess.Popen[bytes]]":
    """A command, its words in ``log``; killed at the end of the block if it still runs."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [GRISTMILL, *words],
            env=plain_environment() | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    family = []
    try:
        yield process
    finally:
        if process.poll() is None:
            family = psutil.Process(process.pid).children(recursive=True)
        for child in [*family, process]:
            child.kill()
        process.wait()


def in_the_middle(log: Path, lake: Path) -> bool:
    """Whether the first step is done and the last is not."""
    return "extract " in log.read_text(encoding="utf-8") and not (lake / "catalog" / "curation").exists()


def test_a_curation_whose_server_is_killed_goes_on_with_another(lake: Path, pages: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with begun(log, *curation(pages, lake)) as process:
        assert until(lambda: process.poll() is not None or in_the_middle(log, lake), STARTS_WITHIN_S)
        before = running(lake)
        before.process.kill()
        code = process.wait(STARTS_WITHIN_S)
    said = log.read_text(encoding="utf-8")
    assert (code, "Traceback" in said) == (0, False), said
    after = running(lake)
    assert after.process.pid != before.process.pid
    assert (after.url, after.credential) == (before.url, before.credential)
    runs = prefect_api(after.url, after.credential).post("/flow_runs/filter", json={}).json()
    assert [run["state_type"] for run in runs] == ["COMPLETED"]


def test_a_curation_whose_given_server_is_killed_ends_and_can_be_resumed(
    lake: Path, pages: Path, tmp_path: Path
) -> None:
    """The server belongs to another lake, so to this command it is its user's own, which it does not start again."""
    other = Lake.open(tmp_path / "other").root
    holder = start(other, hold=True)
    given = running(other)
    login = {"PREFECT_API_URL": given.url, "PREFECT_API_AUTH_STRING": given.credential}
    log = tmp_path / "log"
    try:
        with begun(log, *curation(pages, lake, "--workers", "1"), **login) as process:
            assert until(lambda: process.poll() is not None or in_the_middle(log, lake), STARTS_WITHIN_S)
            given.process.kill()
            killed = time.monotonic()
            code = process.wait(2 * GONE_WITHIN_S)
            seconds = time.monotonic() - killed
    finally:
        end(holder)
    said = log.read_text(encoding="utf-8")
    assert (code, seconds < GONE_WITHIN_S) == (1, True), (seconds, said)
    assert GOES_ON in said
    assert given.url in said
    resumed = gristmill(*curation(pages, lake), environment={"PREFECT_API_URL": ""})
    assert resumed.code == 0, resumed.err
    assert "found done" in resumed.err


def test_stopping_the_server_on_purpose_ends_those_that_use_it(lake: Path, pages: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with begun(log, *curation(pages, lake)) as process:
        assert until(lambda: process.poll() is not None or in_the_middle(log, lake), STARTS_WITHIN_S)
        assert stop_server(lake)
        code = process.wait(GONE_WITHIN_S)
    said = log.read_text(encoding="utf-8")
    assert (code, GOES_ON in said, "Traceback" in said) == (1, True, False), said


@pytest.mark.parametrize("fate", ["lives", "hangs", "dies", "is deleted"])
def test_serve_ends_soon_after_sigterm_whatever_became_of_its_server(lake: Path, tmp_path: Path, fate: str) -> None:
    log = tmp_path / "log"
    with begun(log, "serve", "--lake", str(lake)) as process:
        assert until(lambda: "serving evaluate/on-demand" in log.read_text(encoding="utf-8"), STARTS_WITHIN_S)
        server = running(lake)
        if fate == "hangs":
            server.process.suspend()
        elif fate == "dies":
            server.process.kill()
        elif fate == "is deleted":
            home(lake).rename(tmp_path / "away")
        os.kill(process.pid, signal.SIGTERM)
        begun_to_stop = time.monotonic()
        try:
            code = process.wait(4 * STOPS_WITHIN_S)
        finally:
            if fate == "hangs":
                server.process.resume()
        seconds = time.monotonic() - begun_to_stop
    said = log.read_text(encoding="utf-8")
    assert (code, "stopped serving" in said, "Traceback" in said) == (0, True, False), said
    assert seconds < STOPS_WITHIN_S, said
    assert f"a login: the line in {home(lake) / 'credential'}" in said
    assert server.credential not in said


def test_serve_goes_on_with_another_server_when_its_own_dies(lake: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with begun(log, "serve", "--lake", str(lake)) as process:
        assert until(lambda: "serving evaluate/on-demand" in log.read_text(encoding="utf-8"), STARTS_WITHIN_S)
        before = running(lake)
        before.process.kill()
        before.process.wait(STARTS_WITHIN_S) if not ended(before.process) else None
        assert until(lambda: is_another(lake, before.process.pid), STARTS_WITHIN_S)
        after = running(lake)
        asked = prefect_api(after.url, after.credential).get("/deployments/name/evaluate/on-demand").json()
        assert asked["paused"] is False
        assert process.poll() is None, log.read_text(encoding="utf-8")


def is_another(lake: Path, pid: int) -> bool:
    from flows.server import find_server

    found = find_server(lake)
    return found is not None and found.pid != pid
