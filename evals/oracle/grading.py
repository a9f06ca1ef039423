"""Grade generated programs: :func:`grade_program` for one, :func:`grade_programs` for many at once.

Generated code runs in a jail or not at all: both raise :class:`gristmill.evals.jail.sandbox.JailUnavailableError` if
this machine cannot make one. Cost: 20 to 30 ms per program and core.
"""

import contextlib
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from gristmill.evals.jail.capability import require
from gristmill.evals.jail.orphans import end_orphans
from gristmill.evals.jail.sandbox import SLOTS, Sandbox
from gristmill.evals.oracle.supervisor import Supervisor
from gristmill.evals.oracle.verdicts import Outcome, Program


def grade_program(program: Program, slot: int = 0, sandbox: Sandbox | None = None) -> Outcome:
    """The verdict on one program. Slots (0 to 499) in use at the same time must differ.

    An infrastructure failure is retried, three attempts in all, and then reported as ``infra``.
    """
    with Supervisor(_ready(sandbox), slot) as supervisor:
        return supervisor.grade(program)


def grade_programs(
    programs: Sequence[Program],
    *,
    workers: int,
    progress: Callable[[int], None] | None = None,
    sandbox: Sandbox | None = None,
) -> list[Outcome]:
    """The verdicts on many programs, in their order, with ``workers`` jails at once.

    ``progress`` is called in this thread with the number finished so far. ``sandbox`` replaces this machine's jail.
    """
    if not 0 < workers < SLOTS:
        raise ValueError(f"workers is {workers}; give 1 to {SLOTS - 1}")
    jail = _ready(sandbox)
    free: queue.SimpleQueue[Supervisor] = queue.SimpleQueue()

    def one(program: Program) -> Outcome:
        supervisor = free.get()
        try:
            return supervisor.grade(program)
        finally:
            free.put(supervisor)

    with contextlib.ExitStack() as stack, ThreadPoolExecutor(workers, thread_name_prefix="jail") as pool:
        # Closed after the pool: a supervisor's processes die with the thread that started them.
        for slot in range(workers):
            free.put(stack.enter_context(Supervisor(jail, slot)))
        jobs = [pool.submit(one, program) for program in programs]
        try:
            for done, job in enumerate(as_completed(jobs), start=1):
                job.result()
                if progress is not None:
                    progress(done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [job.result() for job in jobs]


def _ready(sandbox: Sandbox | None) -> Sandbox:
    """The jail to use, after killing whatever an earlier, killed grading left behind."""
    jail = require(sandbox)
    end_orphans(jail)
    return jail
