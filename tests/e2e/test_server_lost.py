"""The Prefect server dies, hangs or is stopped in the middle of work: the work goes on, or ends soon with a message."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from gristmill.core.lake import Lake
from gristmill.flows.prefect.home import home
from gristmill.flows.prefect.server import find_server, stop_server
from tests.helpers import warm
from tests.helpers.cli import Ended
from tests.helpers.corpus import crawl, curation
from tests.helpers.lake_server import end, ended, running, start, until
from tests.helpers.prefect_api import prefect_api

FILES = 4
STARTS_WITHIN_S = 240.0
ENDS_WITHIN_S = 90.0
GOES_ON = "Finished work is kept; the same command resumes from there."
Begun = Callable[..., AbstractContextManager[warm.Command]]


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Path]:
    root = Lake.open(tmp_path / "lake").root
    yield root
    stop_server(root)


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    crawl(tmp_path / "pages", files=FILES, pages=8)
    return tmp_path / "pages"


@pytest.fixture
def begun(commands: Path) -> Begun:
    """``begun(log, "curate", ...)``: a command of a user without a Prefect server, its words in ``log``."""

    @contextmanager
    def begin(log: Path, *words: str, **environment: str) -> Iterator[warm.Command]:
        with log.open("wb") as output:
            own = {"PREFECT_API_URL": "", "PREFECT_API_AUTH_STRING": ""} | environment
            with warm.begun(commands, words, own, output, output) as process:
                yield process

    return begin


def in_the_middle(log: Path, lake: Path) -> bool:
    """Whether the first step is done and the last is not."""
    return "extract " in log.read_text(encoding="utf-8") and not (lake / "catalog" / "curation").exists()


def test_a_curation_whose_server_is_killed_goes_on_with_another(
    lake: Path, pages: Path, tmp_path: Path, begun: Begun
) -> None:
    log = tmp_path / "log"
    with begun(log, *curation(pages, lake)) as process:
        assert until(lambda: process.ended(0) is not None or in_the_middle(log, lake), STARTS_WITHIN_S)
        before = running(lake)
        before.process.kill()
        code = process.ended(STARTS_WITHIN_S)
    said = log.read_text(encoding="utf-8")
    assert (code, "Traceback" in said) == (0, False), said
    after = running(lake)
    assert after.process.pid != before.process.pid
    assert (after.url, after.credential) == (before.url, before.credential)
    runs = prefect_api(after.url, after.credential).post("/flow_runs/filter", json={}).json()
    assert [run["state_type"] for run in runs] == ["COMPLETED"]


def test_a_curation_whose_given_server_is_killed_ends_and_can_be_resumed(
    lake: Path, pages: Path, tmp_path: Path, begun: Begun, run: Callable[..., Ended]
) -> None:
    """The server belongs to another lake, so to this command it is its user's own, which it does not start again."""
    other = Lake.open(tmp_path / "other").root
    holder = start(other, hold=True)
    given = running(other)
    login = {"PREFECT_API_URL": given.url, "PREFECT_API_AUTH_STRING": given.credential}
    log = tmp_path / "log"
    try:
        with begun(log, *curation(pages, lake, "--workers", "1"), **login) as process:
            assert until(lambda: process.ended(0) is not None or in_the_middle(log, lake), STARTS_WITHIN_S)
            given.process.kill()
            code = process.ended(ENDS_WITHIN_S)
    finally:
        end(holder)
    said = log.read_text(encoding="utf-8")
    assert code == 1, said
    assert GOES_ON in said
    assert given.url in said
    resumed = run(*curation(pages, lake))
    assert resumed.code == 0, resumed.err
    assert "cached" in resumed.err


def test_stopping_the_server_on_purpose_ends_those_that_use_it(
    lake: Path, pages: Path, tmp_path: Path, begun: Begun
) -> None:
    log = tmp_path / "log"
    with begun(log, *curation(pages, lake)) as process:
        assert until(lambda: process.ended(0) is not None or in_the_middle(log, lake), STARTS_WITHIN_S)
        assert stop_server(lake)
        code = process.ended(ENDS_WITHIN_S)
    said = log.read_text(encoding="utf-8")
    assert (code, GOES_ON in said, "Traceback" in said) == (1, True, False), said


@pytest.mark.parametrize("fate", ["hangs", "dies", "is deleted"])
def test_serve_ends_soon_after_sigterm_whatever_became_of_its_server(
    lake: Path, tmp_path: Path, begun: Begun, fate: str
) -> None:
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
        os.kill(process.process, signal.SIGTERM)
        try:
            code = process.ended(ENDS_WITHIN_S)
        finally:
            if fate == "hangs":
                server.process.resume()
    said = log.read_text(encoding="utf-8")
    assert (code, "stopped serving" in said, "Traceback" in said) == (0, True, False), said
    assert f"a login: the line in {home(lake) / 'credential'}" in said
    assert server.credential not in said


def test_serve_goes_on_with_another_server_when_its_own_dies(lake: Path, tmp_path: Path, begun: Begun) -> None:
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
        assert process.ended(0) is None, log.read_text(encoding="utf-8")
        os.kill(process.process, signal.SIGTERM)
        code = process.ended(ENDS_WITHIN_S)
    said = log.read_text(encoding="utf-8")
    assert (code, "stopped serving" in said, "Traceback" in said) == (0, True, False), said


def is_another(lake: Path, pid: int) -> bool:
    found = find_server(lake)
    return found is not None and found.pid != pid
