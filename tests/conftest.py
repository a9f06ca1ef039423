"""What every test may ask for."""

import os
from pathlib import Path

import pytest

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
