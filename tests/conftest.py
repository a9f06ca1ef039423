"""What every test may ask for."""

import atexit
import gc
import os
import shutil
import tempfile
from pathlib import Path

import hypothesis
import pytest

from flows.cli import silence_teardown

OWNER = pytest.StashKey[bool]()
PROJECT = Path(__file__).resolve().parent.parent


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
    return Path(os.environ["GRISTMILL_TEST_SERVER_HOME"])


def pytest_configure(config: pytest.Config) -> None:
    """The process that starts the run picks the server's folder; its xdist workers inherit it. Examples that Hypothesis
    draws are the same in every run."""
    atexit.register(silence_teardown)
    hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
    hypothesis.settings.load_profile("repeatable")
    if "GRISTMILL_TEST_SERVER_HOME" not in os.environ:
        os.environ["GRISTMILL_TEST_SERVER_HOME"] = tempfile.mkdtemp(prefix="gristmill-test-")
        config.stash[OWNER] = True


def pytest_collection_finish() -> None:
    """What was imported stays: the collector of garbage need not look through it in every test."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server that the tests shared, if one was started."""
    if not config.stash.get(OWNER, False):
        return
    home = Path(os.environ.pop("GRISTMILL_TEST_SERVER_HOME"))
    if (home / "prefect").is_dir():
        from flows.server import stop_server

        stop_server(home)
    shutil.rmtree(home, ignore_errors=True)
