"""Kill what a killed grader can leave behind: bubblewrap's child, waiting for a parent that is gone.

bubblewrap ties its child to its own life only once the child runs. If it is killed in the microseconds between creating
the child and releasing it, it leaves a process that waits forever. That process has nothing of the candidate and uses
no processor time, but it would stay, so every grading begins by killing such processes. Cost: one scan of ``/proc``.
"""

import contextlib
import os
import signal
from pathlib import Path

from gristmill.evals.jail.sandbox import FIRST_USER, SLOTS, Sandbox


def end_orphans(sandbox: Sandbox) -> int:
    """Kill every bubblewrap of the jail's users whose parent has died (it belongs to init now). Returns how many."""
    users = range(FIRST_USER, FIRST_USER + SLOTS) if sandbox.drop_root else range(os.getuid(), os.getuid() + 1)
    ended = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            if _user(entry) in users and _is_orphan(entry):
                os.kill(int(entry.name), signal.SIGKILL)
                ended += 1
    return ended


def _user(process: Path) -> int:
    """The owner's uid. The folder itself belongs to root while a process that changed its user cannot be inspected."""
    lines = (process / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Uid:"))


def _is_orphan(process: Path) -> bool:
    """Whether it is a jail's bubblewrap, by its arguments, and a child of init."""
    parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
    return parent == "1" and (process / "cmdline").read_bytes().startswith(b"bwrap\0--args\0")
