"""Have each program graded by its own process, and read the verdicts. No program runs here.

Cost: 20 to 30 ms of processor time per program, mostly for the jail and its interpreter, and 20 ms once per slot.
"""

import contextlib
import dataclasses
import os
import select
import signal
import subprocess
import sys
import time
from types import TracebackType
from typing import Any, Self

from gristmill.evals.jail.cgroup import MemoryGroup, memory_group
from gristmill.evals.jail.sandbox import ROOT, Sandbox
from gristmill.evals.oracle import codec
from gristmill.evals.oracle.checker import BEGUN, START_ALARM
from gristmill.evals.oracle.verdicts import Outcome, Program, Verdict

START_ZYGOTE = "import sys; sys.path.insert(0, {root!r}); from gristmill.evals.oracle.zygote import main; main()"
ZYGOTE_COMMAND = (sys.executable, "-P", "-s", "-S", "-c", START_ZYGOTE.format(root=str(ROOT)))
LARGEST_JOB = 1 << 28
ATTEMPTS = 3


class Supervisor:
    """Grades programs in one slot, one at a time. Slots in use at the same time must differ. Use ``with``.

    The zygote, from which checkers are forked, starts with the first program, and again after a failure.
    """

    def __init__(self, sandbox: Sandbox, slot: int) -> None:
        self._sandbox, self._slot = sandbox, slot
        self._zygote: _Zygote | None = None
        self._groups = contextlib.ExitStack()
        self._group: MemoryGroup | None = None
        self._group_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def grade(self, program: Program) -> Outcome:
        """The verdict on one program. Never raises for what the program does.

        An infrastructure failure is retried, three attempts in all, and then reported as ``infra``. A program that is
        longer than its limit is not run, and fails by that.
        """
        size = len(program.code.encode("utf-8", "surrogatepass"))
        if size > program.limits.source_bytes:
            most = f"at most {program.limits.source_bytes:,} are run"
            return Outcome(Verdict.OUTPUT_LIMIT, f"the program has {size:,} bytes; {most}", 0.0, program.live)
        outcome = self._attempt(program)
        for _ in range(ATTEMPTS - 1):
            if outcome.verdict is not Verdict.INFRA:
                break
            outcome = self._attempt(program)
        return outcome

    def end(self) -> str:
        """End the zygote, with any running checker and its jail; then remove the empty memory group.

        Returns the end of the zygote's standard error.
        """
        zygote, self._zygote = self._zygote, None
        words = zygote.end() if zygote is not None else ""
        self._leave_group()
        return words

    def _attempt(self, program: Program) -> Outcome:
        try:
            group = self._memory_group(program.limits.memory_bytes)
            before = group.out_of_memory_kills() if group else 0
            outcome = self._ask(program, self._sandbox.job(self._slot, group))
            killed = group is not None and group.out_of_memory_kills() > before
            if outcome.verdict in (Verdict.TIMEOUT, Verdict.INFRA):
                outcome = self._after_end(outcome)
        except OSError as error:
            return Outcome(Verdict.INFRA, f"the checker could not be run: {error}", 0.0, program.live)
        except BaseException:
            self.end()
            raise
        return _with_memory_kills(outcome) if killed else outcome

    def _after_end(self, outcome: Outcome) -> Outcome:
        """Wait until the jail is gone, since its checker may have died first. The wait changes no verdict."""
        try:
            self._leave_group()
        except OSError as error:
            return dataclasses.replace(outcome, stderr_tail=f"{outcome.stderr_tail} {error}".strip())
        return outcome

    def _memory_group(self, limit: int) -> MemoryGroup | None:
        """The group for programs with this limit, reused because making and removing one takes 2 ms."""
        if self._sandbox.memory is not None and (self._group is None or self._group_bytes != limit):
            self._leave_group()
            name = f"{self._slot}-{os.urandom(8).hex()}"
            self._group = self._groups.enter_context(memory_group(self._sandbox.memory, limit, name))
            self._group_bytes = limit
        return self._group

    def _leave_group(self) -> None:
        """Remove the memory group once it is empty. Raises OSError if it does not become so."""
        self._group = None
        self._groups.close()

    def _ask(self, program: Program, jail: dict[str, object]) -> Outcome:
        limits = program.limits
        job = {
            "jail": jail,
            "open_up": self._sandbox.open_up,
            "code": program.code,
            "entry_point": program.entry_point,
            "setup": program.setup,
            "tests": program.tests,
            "live_tests": f"{program.setup}\n{program.tests}" if program.live else None,
            "rlimits": limits.rlimits(),
            "wall_seconds": limits.wall_seconds,
            "max_bytes": limits.output_bytes,
            "checker_seconds": limits.checker_seconds,
        }
        if self._zygote is None:
            self._zygote = _Zygote()
        try:
            status, verdict, errors = self._zygote.ask(
                codec.frame(job, max_bytes=LARGEST_JOB), START_ALARM + limits.checker_seconds + 5
            )
        except OSError as error:
            raise OSError(f"{error}. {self.end()}") from error
        return _read_verdict(program, status, verdict, errors.decode("utf-8", "replace"))


class _Zygote:
    """The process that forks the checkers, seen from outside."""

    def __init__(self) -> None:
        jobs, self._jobs = os.pipe()
        self._verdicts, verdicts = os.pipe()
        try:
            self._process = subprocess.Popen(
                ZYGOTE_COMMAND,
                env={"PYTHONHASHSEED": "0"},
                stdin=jobs,
                stdout=verdicts,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError:
            os.close(self._jobs)
            os.close(self._verdicts)
            raise
        finally:
            os.close(jobs)
            os.close(verdicts)

    def ask(self, job: bytes, seconds: float) -> tuple[int, bytes, bytes]:
        """Exit status, verdict and errors of a checker. Raises OSError when there is no answer within ``seconds``."""
        view = memoryview(job)
        while view:
            view = view[os.write(self._jobs, view) :]
        until = time.monotonic() + seconds
        answer: Any = codec.decode(self._read(codec.frame_length(self._read(4, until)), until))
        status, verdict, errors = answer
        return status, verdict, errors

    def end(self) -> str:
        """Kill it, with the checker it waits for. Returns the end of its standard error."""
        self._process.kill()
        words = self._process.communicate()[1].decode("utf-8", "replace")[-500:].strip()
        os.close(self._jobs)
        os.close(self._verdicts)
        return words

    def _read(self, count: int, until: float) -> bytes:
        data = bytearray()
        while len(data) < count:
            if not select.select([self._verdicts], [], [], max(0.0, until - time.monotonic()))[0]:
                raise TimeoutError("no verdict came in time")
            part = os.read(self._verdicts, count - len(data))
            if not part:
                raise ConnectionError("it ended")
            data += part
        return bytes(data)


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


def _with_memory_kills(outcome: Outcome) -> Outcome:
    """The verdict ``memory`` for a program that the kernel killed for its memory, however that looked from outside."""
    if outcome.verdict in (Verdict.PASS, Verdict.INFRA):
        return outcome
    return dataclasses.replace(outcome, verdict=Verdict.MEMORY, detail="the processes of the program filled its memory")
