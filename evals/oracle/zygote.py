"""The zygote, which forks the checkers of one slot, so that a program does not pay for starting an interpreter.

It reads jobs from standard input, one frame each. For each it forks a checker (:mod:`gristmill.evals.oracle.checker`),
which has its own session, limits and user and ends with its program, so nothing of one program or its tests is left
for the next; then it writes ``(exit status, verdict, errors)`` as a frame to standard output. It runs no tests itself,
has no threads, and ends when its input does or its parent dies. Cost: 20 ms once; a fork (1 to 2 ms) for each
program.
"""

from __future__ import annotations

import gc
import os
import select
from typing import Any  # loaded for the checkers too: the setup of many items imports typing, which takes 10 ms

from gristmill.evals.jail import launch
from gristmill.evals.jail.worker import read_exactly, write
from gristmill.evals.oracle import checker, codec

ERRORS_KEPT = 2000


def main() -> None:
    """Serve jobs until the input ends."""
    jobs, replies = os.dup(0), os.dup(1)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    launch.die_with_parent()
    compile("def warm(): pass", "<warm>", "exec")  # warms up the parser, so that not every checker has to
    gc.freeze()  # so that garbage collection in a checker copies no shared page
    opened = False
    while True:
        header = read_exactly(jobs, 4)
        if len(header) < 4:
            return
        job: Any = codec.decode(read_exactly(jobs, codec.frame_length(header)))
        if not opened:
            launch.open_up(job["open_up"])
            opened = True
        write(replies, codec.frame(run(job, (jobs, replies)), max_bytes=1 << 28))


def run(job: dict[str, Any], private: tuple[int, ...]) -> tuple[int, bytes, bytes]:
    """Fork a checker for one job and wait for its end. ``private`` are the descriptors to close in it."""
    verdict_out, verdict_in = os.pipe()
    error_out, error_in = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setsid()
            launch.die_with_parent()
            os.dup2(error_in, 2)
            for descriptor in (*private, verdict_out, error_out, error_in):
                os.close(descriptor)
            checker.check(job, verdict_in)
            status = 0
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}".encode("utf-8", "replace"))
        finally:
            os._exit(status)
    os.close(verdict_in)
    os.close(error_in)
    verdict, errors = read_both(verdict_out, error_out)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != 0:
        # A half-made jail has no parent left to die with, but is still in the checker's group.
        launch.end_group(child)
    return status, verdict, errors[-ERRORS_KEPT:]


def read_both(first: int, second: int) -> tuple[bytes, bytes]:
    """Read two pipes until both are closed at the other end; closes them."""
    found = {first: bytearray(), second: bytearray()}
    waiting = [first, second]
    while waiting:
        for descriptor in select.select(waiting, [], [])[0]:
            part = os.read(descriptor, 1 << 16)
            found[descriptor] += part
            if not part:
                waiting.remove(descriptor)
                os.close(descriptor)
    return bytes(found[first]), bytes(found[second])
