"""Runs the checker process for one program and reads its verdict. Nothing of the program runs in the caller.

Cost on one core: 50 to 70 ms a program, of which two interpreter starts and one jail are most.
"""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys

from evals.jail.cgroup import MemoryGroup, memory_group
from evals.jail.sandbox import PROJECT, Sandbox
from evals.oracle import codec
from evals.oracle.checker import BEGUN, START_ALARM
from evals.oracle.verdicts import Outcome, Program, Verdict

START_CHECKER = "import sys; sys.path.insert(0, {root!r}); from evals.oracle.checker import main; main()"
CHECKER_COMMAND = (sys.executable, "-P", "-s", "-S", "-c", START_CHECKER.format(root=str(PROJECT)))
LARGEST_JOB = 1 << 28
ATTEMPTS = 3


def grade(program: Program, sandbox: Sandbox, slot: int) -> Outcome:
    """The verdict on one program. Slots in use at the same time must differ. Never raises for what the program does.

    An infrastructure failure is tried again, three times in all, and then reported as ``infra``.
    """
    outcome = _attempt(program, sandbox, slot)
    for _ in range(ATTEMPTS - 1):
        if outcome.verdict is not Verdict.INFRA:
            break
        outcome = _attempt(program, sandbox, slot)
    return outcome


def _attempt(program: Program, sandbox: Sandbox, slot: int) -> Outcome:
    try:
        if sandbox.memory is None:
            return _run_checker(program, sandbox.job(slot, None), sandbox.open_up)
        with memory_group(sandbox.memory, program.limits.memory_bytes, f"{slot}-{os.urandom(8).hex()}") as group:
            return _with_memory_kills(_run_checker(program, sandbox.job(slot, group), sandbox.open_up), group)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Outcome(Verdict.INFRA, f"the checker could not be run: {error}", 0.0, program.live)


def _run_checker(program: Program, jail: dict[str, object], open_up: dict[str, str]) -> Outcome:
    limits = program.limits
    job = codec.encode(
        {
            "jail": jail,
            "open_up": open_up,
            "code": program.code,
            "entry_point": program.entry_point,
            "setup": program.setup,
            "tests": program.tests,
            "live_tests": f"{program.setup}\n{program.tests}" if program.live else None,
            "rlimits": limits.rlimits(),
            "wall_seconds": limits.wall_seconds,
            "max_bytes": limits.output_bytes,
            "checker_seconds": limits.checker_seconds,
        },
        max_bytes=LARGEST_JOB,
    )
    with subprocess.Popen(
        CHECKER_COMMAND,
        env={"PYTHONHASHSEED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as checker:
        try:
            verdict, errors = checker.communicate(job, timeout=START_ALARM + limits.checker_seconds + 5)
        except BaseException:
            checker.kill()  # the jail dies with it
            raise
        finally:
            if checker.returncode != 0:
                # A jail that was only half made has no parent left to die with, but is still in the checker's group.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(checker.pid, signal.SIGKILL)
    return _read_verdict(program, checker.returncode, verdict, errors.decode("utf-8", "replace")[-2000:])


def _read_verdict(program: Program, status: int, verdict: bytes, errors: str) -> Outcome:
    if status == -signal.SIGALRM and verdict == BEGUN:
        seconds = float(program.limits.checker_seconds)
        return Outcome(Verdict.TIMEOUT, "the tests did not finish", seconds, program.live, errors)
    try:
        answer = codec.decode(verdict.removeprefix(BEGUN)[4:])
    except codec.CodecError:
        answer = None
    if status != 0 or not isinstance(answer, dict):
        return Outcome(Verdict.INFRA, f"the checker ended with status {status}", 0.0, program.live, errors)
    return Outcome(forgeable=program.live, **{**answer, "verdict": Verdict(answer["verdict"])})


def _with_memory_kills(outcome: Outcome, group: MemoryGroup) -> Outcome:
    """A program that the kernel ended for its memory is of verdict ``memory``, however that looked from outside."""
    if outcome.verdict in (Verdict.PASS, Verdict.INFRA) or not group.out_of_memory_kills():
        return outcome
    return dataclasses.replace(outcome, verdict=Verdict.MEMORY, detail="the processes of the program filled its memory")
