"""Runs an attack in the jail and looks at the host before and after."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gristmill.evals.jail.capability import capability
from gristmill.evals.jail.limits import Limits
from gristmill.evals.jail.sandbox import FIRST_USER, plan
from gristmill.evals.oracle.grading import grade_program
from gristmill.evals.oracle.verdicts import Outcome, Program
from tests.attack.programs import RunAttack, processes_of

SMALL = Limits(cpu_seconds=1, wall_seconds=5.0, memory_bytes=256 << 20)
LONGEST = 30.0  # wall seconds on a loaded machine; an attack that is not stopped sleeps for longer
SQUARES = "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(3) == 9\n"
FORBIDDEN = ("/gristmill-attack", "/usr/gristmill-attack", "/tmp/gristmill-attack", "/root/gristmill-attack")  # noqa: S108


def host_state() -> tuple[object, ...]:
    """What no program may change: host name, mounts, and files that attacks try to write."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    written = [path for path in FORBIDDEN if os.path.lexists(path)]
    return socket.gethostname(), sorted(mounts), written


def descriptors() -> set[str]:
    """The open descriptors of this process. Garbage of earlier tests may close some at any time, and opens none."""
    return {path.name for path in Path("/proc/self/fd").iterdir()}


@pytest.fixture(scope="session")
def jail_slot() -> Iterator[int]:
    """A slot that no other test process on this machine uses meanwhile; skips where there is no jail."""
    found = capability()
    if not found.usable:
        pytest.skip(found.reason)
    for slot in range(100, 490):
        with socket.socket(socket.AF_UNIX) as claim:
            try:
                claim.bind(f"\0gristmill-test-slot-{slot}")
            except OSError:
                continue  # taken
            yield slot
            return


@pytest.fixture
def attack(jail_slot: int, monkeypatch: pytest.MonkeyPatch) -> RunAttack:
    """Grade a program; fail when the host changed, a process survived, or it took longer than it may."""
    monkeypatch.setenv("GRISTMILL_SECRET", "token-5c1d")

    def run(code: str, tests: str = SQUARES, entry_point: str = "answer", limits: Limits = SMALL) -> Outcome:
        before, opened, begun = host_state(), descriptors(), time.monotonic()
        outcome = grade_program(Program(code, tests, entry_point, limits=limits), jail_slot)
        assert host_state() == before
        assert descriptors() <= opened, "a descriptor is left"
        assert time.monotonic() - begun < LONGEST
        if plan().drop_root:
            assert processes_of(FIRST_USER + jail_slot) == []
        assert outcome.detail.isprintable()
        return outcome

    return run
