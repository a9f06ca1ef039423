"""Ends a server with the run that started it: ``python -m gristmill.flows.evaluate.serving_guard COMMAND...``.

The run holds the other end of this process's standard input. When that closes, because the run has ended in any way,
or on SIGTERM, everything the command started is ended: SIGTERM to its process group,
SIGKILL after a grace time, then whatever else became a child of this process. vLLM's workers otherwise survive a killed
server and keep the GPU (vllm-project/vllm issues 25850 and 55510). Should this process itself be killed, the kernel
kills the command. The first line of standard output is the command's process id. That needs Linux.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from types import FrameType

import psutil

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
GRACE_SECONDS = 20.0
BEAT_SECONDS = 0.2


def guard(command: list[str]) -> int:
    """Run ``command`` until it ends or is no longer wanted. Returns its exit code."""
    wanted = True

    def dismiss(_number: int, _frame: FrameType | None) -> None:
        nonlocal wanted
        wanted = False

    signal.signal(signal.SIGTERM, dismiss)
    _control(PR_SET_CHILD_SUBREAPER, 1)
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        start_new_session=True,
        preexec_fn=_die_with_parent,  # this process has one thread
    )
    print(child.pid, flush=True)
    while wanted and child.poll() is None:
        ready, _, _ = select.select([sys.stdin], [], [], BEAT_SECONDS)
        wanted = not ready or bool(os.read(sys.stdin.fileno(), 1))
    end_group(child.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(BEAT_SECONDS)
    end_group(child.pid, signal.SIGKILL)
    code = child.wait()
    while left := psutil.Process().children(recursive=True):  # what left the group is ours by now
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=BEAT_SECONDS)
    return code


def end_group(group: int, number: signal.Signals) -> None:
    """Signal a process group that may be gone already."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _die_with_parent() -> None:
    _control(PR_SET_PDEATHSIG, signal.SIGKILL)


def _control(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(guard(sys.argv[1:]))
