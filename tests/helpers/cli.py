"""Run the command line: as a user does, in another process, or in this one."""

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.main import get_command

from gristmill.flows.cli.app import app

DEMO_WORDS = ("--pages", "400", "--tokens", "60000", "--checkpoints", "2")
"""A smaller demo than the default: the same way, less of everything."""

GRISTMILL = str(Path(sys.executable).with_name("gristmill"))


@dataclass(frozen=True)
class Ended:
    """How a command ended, after ``seconds`` by the clock and ``processor`` seconds of its own and its children."""

    code: int
    out: str
    err: str
    seconds: float
    processor: float

    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


def gristmill(
    *words: str, environment: dict[str, str] | None = None, timeout: float = 600, cwd: Path | None = None
) -> Ended:
    """Run ``gristmill WORDS`` to its end. No other child of this process may end meanwhile: its time would be added."""
    started, before = time.monotonic(), _processor_of_children()
    ended = subprocess.run(
        [GRISTMILL, *words],
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=cwd,
    )
    processor = _processor_of_children() - before
    return Ended(ended.returncode, ended.stdout, ended.stderr, time.monotonic() - started, processor)


def here(*words: str) -> None:
    """Run ``gristmill WORDS`` in this process, whose output is the command's. Raises what the verb raises."""
    get_command(app).main([*words], prog_name="gristmill", standalone_mode=False)


def _processor_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def data_files(lake: Path) -> dict[str, bytes]:
    """Every file under ``data`` and ``catalog``, by relative path: what law 3 speaks of."""
    return {
        str(path.relative_to(lake)): path.read_bytes()
        for part in ("data", "catalog")
        for path in sorted((lake / part).rglob("*"))
        if path.is_file()
    }
