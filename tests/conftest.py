"""What every test may ask for."""

import atexit
import gc
import os
import shutil
import socketserver
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psutil
import pytest

from gristmill.evals.admission import examination as admission
from gristmill.flows.cli.app import silence_teardown
from tests.helpers.warm_examiner import WarmExaminer, warm_examiner

OWNER = pytest.StashKey[bool]()
SERVER_HOME = "GRISTMILL_TEST_SERVER_HOME"
ENDS_WITHIN_S = 60.0
PROJECT = Path(__file__).resolve().parent.parent
LONGEST = (
    "e2e/test_demo.py",
    "e2e/test_server_lost.py",
    "e2e/test_curate.py",
    "e2e/test_serve.py",
    "e2e/test_dashboard_addresses.py",
    "e2e/test_server_ends.py",
    "e2e/test_told_damage.py",
    "e2e/test_other_server.py",
    "e2e/test_queue.py",
    "e2e/test_cli_words.py",
    "e2e/test_slurm.py",
    "e2e/test_slurm_commands.py",
    "e2e/test_training.py",
    "e2e/test_kill.py",
    "e2e/test_preflight.py",
    "e2e/test_dedup_against.py",
    "browser/test_evaluation_pages.py",
    "browser/test_pages.py",
    "e2e/test_ray_engine.py",
    "e2e/test_gate_stops.py",
)
"""Files of half a minute and more, longest first. Those that wait for what the first ones make come later."""


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real corpora and benchmarks beside the project (or at ``GRISTMILL_SHARED``); skips where absent."""
    folder = Path(os.environ.get("GRISTMILL_SHARED", PROJECT.parent / "shared"))
    if not (folder / "corpora" / "MANIFEST.md").is_file():
        pytest.skip(
            f"needs the real corpora: no {folder / 'corpora'} (set GRISTMILL_SHARED to the folder that has them)"
        )
    return folder


@pytest.fixture(scope="session")
def server_home() -> Path:
    """Where the Prefect server of this test run lives; see :func:`pytest_unconfigure`."""
    return Path(os.environ[SERVER_HOME])


@pytest.fixture(scope="session")
def examiners() -> Iterator[WarmExaminer]:
    """One process for all questions about checkpoints, with its imports behind it."""
    with warm_examiner() as process:
        yield process


@pytest.fixture
def quick_admission(examiners: WarmExaminer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints are examined by forks of one process in place of a new interpreter each."""
    monkeypatch.setattr(admission, "run", examiners.run)


def pytest_configure(config: pytest.Config) -> None:
    """The process that starts the run picks the server's folder; its xdist workers inherit it. Examples that Hypothesis
    draws are the same in every run. Several workers share the cores: torch's threads would wait for each other there,
    and take three times the processor."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    atexit.register(silence_teardown)
    hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
    hypothesis.settings.load_profile("repeatable")
    if SERVER_HOME not in os.environ:
        os.environ[SERVER_HOME] = tempfile.mkdtemp(prefix="gristmill-test-")
        config.stash[OWNER] = True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test is marked with its folder's name. Files that take long come first, so that no process ends up alone."""
    places = {name: place for place, name in enumerate(LONGEST)}
    for item in items:
        item.add_marker(item.path.relative_to(PROJECT / "tests").parts[0])
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker("corpora")
    items.sort(key=lambda item: places.get(item.path.relative_to(PROJECT / "tests").as_posix(), len(places)))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is imported stays: the collector of garbage looks through it neither meanwhile nor in every test."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """A file that closes a server and leaves its thread behind fails: the thread would ask a closed socket, without a
    pause, for the rest of the run, and make every later test of this process several times as slow."""
    yield
    if nextitem is None or nextitem.path != item.path:
        left = [thread.name for thread in threading.enumerate() if serves_closed(thread)]
        assert not left, f"a server was closed without shutdown() in {item.path.name}: {left}"


def serves_closed(thread: threading.Thread) -> bool:
    """Whether a thread runs the loop of a server whose socket is closed."""
    target = getattr(thread, "_target", None)
    server = getattr(target, "__self__", None)
    return (
        isinstance(server, socketserver.BaseServer)
        and target.__name__ == "serve_forever"
        and server.socket.fileno() == -1
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A test that leaves a Prefect server behind fails the run."""
    if not session.config.stash.get(OWNER, False):
        return
    left = left_servers(Path(os.environ[SERVER_HOME]))
    for pid, home in left.items():
        from gristmill.flows.prefect.server import stop_process

        stop_process(pid)
        print(f"a test left a Prefect server behind: {home}", file=sys.stderr)
    if left:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def left_servers(shared: Path) -> dict[int, Path]:
    """Servers that this run has started, by pid, but for the shared one. One that is about to end has time for it."""
    deadline = time.monotonic() + ENDS_WITHIN_S
    while True:
        left = {}
        for process in psutil.process_iter():
            try:
                words = process.cmdline()
                ours = "gristmill.flows.prefect.process" in words and process.environ().get(SERVER_HOME) == str(shared)
            except psutil.Error:
                continue
            home = Path(words[words.index("gristmill.flows.prefect.process") + 1]) if ours else None
            if home is not None and home.parent != shared.resolve():
                left[process.pid] = home
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.2)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server that the tests shared, if one was started."""
    if not config.stash.get(OWNER, False):
        return
    home = Path(os.environ.pop(SERVER_HOME))
    if (home / "prefect").is_dir():
        from gristmill.flows.prefect.server import stop_server

        stop_server(home)
    shutil.rmtree(home, ignore_errors=True)
