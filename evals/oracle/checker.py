"""The checker, the process outside the jail that runs the trusted tests.

The zygote (:mod:`gristmill.evals.oracle.zygote`) forks a new one for every program.

It starts the jail, loads the candidate there, runs the test text here with the candidate's name bound to a stub that
asks the jail, and writes the verdict to a pipe. It has its own time and memory limits, because comparing what a
candidate returned can take long; SIGALRM kills it if nothing else does.

An exception in the test text after the candidate has answered (``None < 3``) is a wrong answer. One before is a fault
of the test, which is ``infra``. The text of the tests never enters the jail, except for ``live`` items, whose arguments
or results are not plain data: those are checked inside, and their outcome is marked ``forgeable``.
"""

from __future__ import annotations

import os
import resource
import select
import time

from gristmill.evals.jail import launch
from gristmill.evals.oracle import codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

START_SECONDS = 20.0
START_ALARM = 60
BEGUN = b"\0\0\0\0"  # an empty frame: if the checker does not finish after this, the program is to blame
SHORTEST_ANSWER_LIMIT = 1 << 16
CHECKER_BYTES = 2 << 30
TEXT = 300
# Exit statuses of a program that SIGKILL, SIGXCPU or SIGSYS ended.
KILLED, OUT_OF_CPU, BAD_SYSTEM_CALL = 128 + 9, 128 + 24, 128 + 31
# What the stub raises in the tests for a candidate's exception, so that a test can expect it.
EXPECTED = (
    ArithmeticError, AssertionError, AttributeError, IndexError, KeyError, LookupError, NotImplementedError,
    OverflowError, RuntimeError, StopIteration, TypeError, ValueError, ZeroDivisionError,
)  # fmt: skip


class Stopped(BaseException):
    """The jail gives no more answers. Not an ``Exception``, so that a test with ``except Exception`` cannot go on."""

    def __init__(self, verdict: str, detail: str) -> None:
        super().__init__(verdict)
        self.verdict, self.detail = verdict, detail


class CandidateError(Exception):
    """The candidate raised an exception in the jail; ``detail`` is its class and message."""

    detail = ""


class Oracle:
    """Queries a jail, keeps time, and remembers how it stopped. One candidate, one load, any number of calls."""

    def __init__(self, jail: launch.Jail, job: dict[str, Any]) -> None:
        self.jail, self.job = jail, job
        self.left: float = job["wall_seconds"]
        self.answered = 0
        self.last_call = ""
        self.stopped: Stopped | None = None
        self._unread = bytearray()
        os.set_blocking(jail.requests, False)

    def begin(self) -> None:
        """Wait until the worker is up and limited. Raises :class:`Stopped` with ``infra`` if that fails.

        Nothing of the program has been sent by then, so it cannot cause a failure here.
        """
        budget, self.left = self.left, START_SECONDS
        try:
            self._receive(b"")
            self._send(self.job["rlimits"])
            self._receive(b"")
        except Stopped as stopped:
            self.stopped = Stopped("infra", f"the jail did not start: {stopped.detail}")
            raise self.stopped from None
        self.left = budget

    def load(self) -> None:
        """Send the candidate and wait until its text has run. Raises :class:`Stopped`, or what the text raised."""
        self._send({key: self.job[key] for key in ("code", "entry_point", "live_tests", "max_bytes")})
        self._answer(b"")

    def call(self, *args: object, **kwargs: object) -> object:
        """One call of the candidate: the stub that the tests see."""
        if self.stopped is not None:
            raise self.stopped
        identity = os.urandom(16)
        try:
            self._send((identity, args, kwargs))
        except codec.CodecError as error:
            # A test may pass back what it was given, which may be too deep or too large to send again.
            theirs = self.answered and not isinstance(error, codec.UnsupportedTypeError)
            reason = f"the test passes what the jail cannot be sent (grade it live): {error}"
            raise self._stop("protocol" if theirs else "infra", reason) from None
        self.last_call = f"{self.job['entry_point']}({', '.join([shown(arg) for arg in args])})"
        value = self._answer(identity)
        self.answered += 1
        self.last_call += f" returned {shown(value)}"
        return value

    def _answer(self, identity: bytes) -> object:
        kind, *rest = self._receive(identity)
        if kind == "value":
            return rest[0]
        if kind == "unsendable":
            reason = str(rest[0])
            raise self._stop("output_limit" if reason.startswith("output") else "protocol", reason)
        names, message = rest
        self.answered += identity != b""
        detail = f"{names[0]}: {message}"
        if "MemoryError" in names:
            raise self._stop("memory", detail)
        if "PermissionError" in names:
            raise self._stop("denied", detail)
        known = {base.__name__: base for base in EXPECTED}
        nearest = [known[name] for name in names if name in known][:1]
        raise type("CandidateError", (CandidateError, *nearest), {"detail": detail})(message)

    def _send(self, value: object) -> None:
        data = memoryview(codec.frame(value, max_bytes=1 << 28))
        while data:
            self._wait([], [self.jail.requests])
            try:
                data = data[os.write(self.jail.requests, data) :]
            except BrokenPipeError:
                raise self._ended() from None

    def _receive(self, identity: bytes) -> list[Any]:
        """The body of the next reply, if it is the reply to ``identity``."""
        length = codec.frame_length(self._read(4))
        if length > max(self.job["max_bytes"], SHORTEST_ANSWER_LIMIT):
            raise self._stop("output_limit", f"an answer of {length} bytes")
        try:
            reply = codec.decode(self._read(length))
        except codec.CodecError as error:
            raise self._stop("protocol", str(error)) from None
        if type(reply) is not tuple or len(reply) < 3 or reply[0] != identity or not well_formed(reply[1:]):
            raise self._stop("protocol", "an answer that nobody asked for")
        return list(reply[1:])

    def _read(self, count: int) -> bytes:
        while len(self._unread) < count:
            self._wait([self.jail.replies], [])
            part = os.read(self.jail.replies, 1 << 16)
            if not part:
                raise self._ended()
            self._unread += part
        data = bytes(self._unread[:count])
        del self._unread[:count]
        return data

    def _wait(self, readers: list[int], writers: list[int]) -> None:
        begun = time.monotonic()
        ready = select.select(readers, writers, [], max(self.left, 0.0))
        self.left -= time.monotonic() - begun
        if not (ready[0] or ready[1]):
            raise self._stop("timeout", f"no answer within {self.job['wall_seconds']:g} s")

    def _ended(self) -> Stopped:
        status, seconds = self.jail.end(grace=1.0)
        if status in (KILLED, OUT_OF_CPU) and seconds >= self.job["rlimits"]["CPU"] - 0.2:
            return self._stop("timeout", f"more than {self.job['rlimits']['CPU']} s of processor time")
        if status == BAD_SYSTEM_CALL:
            return self._stop("denied", "ended by a forbidden system call")
        manner = "closed its channel" if status is None else f"ended with status {status}"
        return self._stop("exception", f"the program {manner} before it answered")

    def _stop(self, verdict: str, detail: str) -> Stopped:
        self.stopped = self.stopped or Stopped(verdict, detail)
        return self.stopped


def well_formed(reply: tuple[Any, ...]) -> bool:
    """Whether a reply has one of the three forms of :mod:`gristmill.evals.jail.worker`."""
    if reply[0] == "raised" and len(reply) == 3:
        names = reply[1]
        return (
            type(reply[2]) is str and type(names) is list and bool(names) and all(type(name) is str for name in names)
        )
    return len(reply) == 2 and (reply[0] == "value" or (reply[0] == "unsendable" and type(reply[1]) is str))


def judge(oracle: Oracle, job: dict[str, Any], texts: tuple[CodeType, CodeType]) -> tuple[str, str]:
    """Load the candidate and run the tests: the verdict and the reason. Raises :class:`Stopped`."""
    tests, entry_point = job["tests"], job["entry_point"]
    setup, text = texts
    try:
        oracle.load()
        if job["live_tests"] is not None:
            return "pass", ""
        names: dict[str, Any] = {"__name__": "tests"}
        exec(setup, names)  # noqa: S102 - trusted text of the benchmark
        names["candidate"] = oracle.call
        if "def check(" in tests:
            names.setdefault(entry_point, oracle.call)
        else:
            names[entry_point] = oracle.call
        exec(text, names)  # noqa: S102 - trusted text of the benchmark
        if "def check(" in tests:
            names["check"](oracle.call)
    except CandidateError as error:
        return raised(error, job, oracle)
    except Exception as error:
        if not oracle.answered:
            return "infra", f"the test failed before it called the program: {type(error).__name__}: {error}"
        said = "" if isinstance(error, AssertionError) else f"{type(error).__name__} in the test"
        parts = (said, printable(str(error)), failed_line(error, tests), oracle.last_call)
        return "wrong", "; ".join(part for part in parts if part)
    if not oracle.answered:
        return "infra", "the test never called the program"
    return "pass", ""


def raised(error: CandidateError, job: dict[str, Any], oracle: Oracle) -> tuple[str, str]:
    """The verdict on a candidate's exception; for a live item, whose tests run inside, it may mean a wrong answer."""
    if job["live_tests"] is not None and isinstance(error, AssertionError):
        return "wrong", error.detail
    return "exception", f"{oracle.last_call or 'while loading'}: {error.detail}"


def failed_line(error: BaseException, tests: str) -> str:
    """The last line of the test text that the exception went through, with its number."""
    number, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<tests>":
            number = trace.tb_lineno
        trace = trace.tb_next
    return f"line {number}: {tests.splitlines()[number - 1].strip()}" if number else "in the setup"


def shown(value: object) -> str:
    """A short printable form; an integer can have too many digits to be written."""
    try:
        return printable(repr(value), 120)
    except ValueError:
        return f"<{type(value).__name__} too long to show>"


def printable(text: str, length: int = TEXT) -> str:
    """``text`` cut to ``length``, with everything that could move a cursor escaped."""
    cut = text if len(text) <= length else text[: length - 3] + "..."
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in cut)


def grade(job: dict[str, Any], verdicts: int) -> dict[str, object]:
    """Start a jail, judge one program, end the jail. Writes :data:`BEGUN` to ``verdicts`` once the jail is up."""
    try:
        texts = compile(job["setup"], "<setup>", "exec"), compile(job["tests"], "<tests>", "exec")
    except (SyntaxError, ValueError) as error:
        return report("infra", f"the tests do not compile: {error}")
    launch.adopt_orphans()
    jail = launch.start(**job["jail"])
    launch.become(job["jail"]["user"])
    launch.die_with_parent()
    resource.setrlimit(resource.RLIMIT_AS, (CHECKER_BYTES, CHECKER_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    oracle = Oracle(jail, job)
    try:
        oracle.begin()
        os.write(verdicts, BEGUN)
        launch.set_alarm(job["checker_seconds"])
        verdict, detail = judge(oracle, job, texts)
    except Stopped as stopped:
        verdict, detail = stopped.verdict, stopped.detail
    finally:
        jail.end()
    if oracle.stopped is not None:  # whatever the tests concluded
        verdict, detail = oracle.stopped.verdict, oracle.stopped.detail
    return report(verdict, detail, job["wall_seconds"] - oracle.left, jail.errors())


def report(verdict: str, detail: str, seconds: float = 0.0, errors: str = "") -> dict[str, object]:
    """The fields of an :class:`gristmill.evals.oracle.verdicts.Outcome`, made printable."""
    return {
        "verdict": verdict,
        "detail": printable(detail, 1000),
        "seconds": seconds,
        "stderr_tail": printable(errors, 2000),
    }


def check(job: dict[str, Any], verdicts: int) -> None:
    """Grade ``job`` in this process, which serves only it, and write the verdict to the descriptor ``verdicts``."""
    launch.set_alarm(START_ALARM)
    os.write(verdicts, codec.frame(grade(job, verdicts)))
