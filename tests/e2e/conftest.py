"""A Prefect server that all end-to-end tests share, and lakes that are made once."""

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gristmill.flows.prefect.server import connect_server
from gristmill.flows.prefect.settings import OURS, SLOT_WAIT, SOON
from tests.helpers.cli import DEMO_WORDS, Ended
from tests.helpers.slurm import Cluster, slurm_cluster
from tests.helpers.warm import command, warm

Run = Callable[..., Ended]
UNUSED = ("TRIGGERS", "EVENT_PERSISTER", "FOREMAN", "CANCELLATION_CLEANUP", "PAUSE_EXPIRATIONS", "LATE_RUNS")
"""Services of Prefect's server for automations, the page of events, workers and runs that are paused or late."""


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the whole test run, whatever worker asks."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def prefect_server(server_home: Path) -> str:
    """The API address of the Prefect server of this test run; started by the first test that needs it.

    Of its services only those run that commands use: without the others a curation costs it a third less. The server
    that a test starts for a lake of its own has all of them. Its credential stays in the environment, so a command
    needs only the address, whose name as the lake's own goes: to a command it is a server that its user named.
    """
    os.environ.pop("PREFECT_API_URL", None)
    os.environ[SLOT_WAIT] = "1"
    with pytest.MonkeyPatch.context() as patch:
        for service in UNUSED:
            patch.setitem(SOON, f"PREFECT_SERVER_SERVICES_{service}_ENABLED", "false")
        url = connect_server(server_home, held=True).api_url
    for name in ("PREFECT_API_URL", OURS):
        del os.environ[name]
    return url


@pytest.fixture(scope="session")
def commands(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The address of a process whose children commands can be, its imports done beforehand."""
    with warm(tmp_path_factory.mktemp("warm"), {"PREFECT_API_URL": prefect_server}) as address:
        yield address


@pytest.fixture(scope="session")
def run(prefect_server: str, commands: Path) -> Run:
    """``run("curate", ...)``: the command line against the shared server, its imports done beforehand."""

    def run_words(*words: str, timeout: float = 600) -> Ended:
        return command(commands, words, environment={"PREFECT_API_URL": prefect_server}, timeout=timeout)

    return run_words


@pytest.fixture(scope="session")
def once(session_folder: Path) -> Callable[[str, Callable[[Path], None]], Path]:
    """``once(name, make)``: a folder that ``make`` fills, made by one worker while the others wait."""

    def make_once(name: str, make: Callable[[Path], None]) -> Path:
        folder = session_folder / name
        with (session_folder / f"{name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (session_folder / f"{name}.done").exists():
                make(folder)
                (session_folder / f"{name}.done").touch()
        return folder

    return make_once


@pytest.fixture(scope="session")
def demo_lake(once: Callable[[str, Callable[[Path], None]], Path], run: Run) -> Path:
    """A lake that a small ``gristmill demo`` made, with its output in ``demo.out`` and ``demo.err`` beside it."""

    def make(folder: Path) -> None:
        ended = run("demo", "--lake", str(folder), *DEMO_WORDS, timeout=1700)
        folder.with_suffix(".out").write_text(ended.out, encoding="utf-8")
        folder.with_suffix(".err").write_text(ended.err, encoding="utf-8")
        folder.with_suffix(".processor").write_text(str(ended.processor), encoding="utf-8")
        assert ended.code == 0, ended.err

    return once("demo-lake", make)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A Slurm of two nodes on this machine, ended with the file that asks for it."""
    with slurm_cluster() as found:
        yield found
