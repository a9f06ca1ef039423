"""Comparisons that need algebra, in processes that can be killed.

On a model's output SymPy may run forever, fill the memory or crash, and its timeouts use a signal that threads cannot
receive. So a few worker processes (:mod:`gristmill.evals.scoring.graders.algebra.symbolic_worker`) run it, each with
limits on processor time and address space and with an empty environment; requests and answers are lines of JSON on a
socket. They evaluate only what the grammars of SymPy's and math_verify's LaTeX parsers accept, or arithmetic on digits;
nothing runs as Python.

What ends a comparison, and how it counts:

- the answer ``right`` or ``wrong``;
- ``timeout`` (5 s of processor time, however busy the machine), ``memory`` (1 GiB) and ``exception`` (the process
  crashed on it twice): wrong, with the reason;
- ``infra``: the process could not be started, was killed from outside, or was given no processor, three times. The
  machine failed, so it counts in no score.

Cost: 1 s of processor time to start each worker, then 1 to 50 ms per comparison.
"""

import importlib.util
import json
import queue
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.evals.scoring.graders import Grade

WORKER = Path(__file__).with_name("symbolic_worker.py")
START_SECONDS = 120.0
TRIES = 3
REPLY_BYTES = 1 << 16
INFRA = "infra"
ENVIRONMENT = {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "SYMPY_GROUND_TYPES": "python"}
"""A worker's whole environment. Without a fixed hash seed SymPy's order of simplification would vary."""
BY_ITSELF = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL})
"""Signals of a process that crashed by itself; if it happens twice, the comparison is the cause."""

Method = Literal["minerva", "math-verify"]
NEEDED: Mapping[Method, Sequence[str]] = {
    "minerva": ("sympy", "antlr4"),
    "math-verify": ("math_verify", "antlr4"),
}


class AlgebraLimits(Config):
    """How much of the machine one comparison may use."""

    cpu_seconds: int = Field(5, ge=1, description="processor seconds of one comparison")
    memory_bytes: int = Field(1 << 30, ge=512 << 20, description="address space of each process")

    @property
    def wall_seconds(self) -> float:
        """Wall-clock seconds after which the machine, not the comparison, must be the slow part."""
        return 30.0 * self.cpu_seconds


DEFAULT_LIMITS = AlgebraLimits()


@dataclass(frozen=True)
class Comparison:
    """A gold answer and the answer found, which only algebra can compare."""

    method: Method
    gold: str
    found: str


def settle(
    graded: Sequence[Grade | Comparison],
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    limits: AlgebraLimits = DEFAULT_LIMITS,
) -> list[Grade]:
    """The grades, in order, with every comparison decided by one of ``workers`` processes.

    ``progress`` is called in this thread with the number decided and the number of all comparisons. Raises
    :class:`GristmillError` when a library that a comparison needs is not installed.
    """
    todo = [one for one in graded if isinstance(one, Comparison)]
    decided = iter(_decide(todo, min(workers, len(todo)), progress, limits) if todo else ())
    return [next(decided) if isinstance(one, Comparison) else one for one in graded]


def require(methods: Iterable[Method]) -> None:
    """Raises :class:`GristmillError`, with a hint, when a library that ``methods`` need is not installed."""
    for method in methods:
        missing = [name for name in NEEDED[method] if importlib.util.find_spec(name) is None]
        if missing:
            raise GristmillError(
                f"comparing answers by {method} needs {' and '.join(missing)}, which this environment does not have. "
                "Install them with: pip install 'gristmill[mathematics]'"
            )


def _decide(
    comparisons: Sequence[Comparison],
    workers: int,
    progress: Callable[[int, int], None] | None,
    limits: AlgebraLimits,
) -> list[Grade]:
    methods = sorted({one.method for one in comparisons})
    require(methods)
    pool = [Worker(methods, limits) for _ in range(workers)]
    free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
    for worker in pool:
        free.put(worker)

    def one(comparison: Comparison) -> Grade:
        worker = free.get()
        try:
            return decide(worker, comparison)
        finally:
            free.put(worker)

    try:
        with ThreadPoolExecutor(workers, thread_name_prefix="algebra") as threads:
            jobs = [threads.submit(one, comparison) for comparison in comparisons]
            try:
                for done, job in enumerate(as_completed(jobs), start=1):
                    job.result()
                    if progress is not None:
                        progress(done, len(jobs))
            except BaseException:
                threads.shutdown(cancel_futures=True)
                raise
    finally:
        for worker in pool:
            worker.stop()
    return [job.result() for job in jobs]


def decide(worker: "Worker", comparison: Comparison) -> Grade:
    """The grade of one comparison, retried when the process dies, whatever the cause."""
    crashes, reason = 0, ""
    for _ in range(TRIES):
        try:
            verdict, detail = worker.ask(comparison)
        except WorkerDiedError as death:
            worker.stop()
            reason = str(death)
            if death.out_of_time:
                return Grade("timeout", 0.0, "undecided when its processor time was over")
            crashes += death.by_itself
            if crashes == 2:
                return Grade("exception", 0.0, f"{reason}, twice")
            continue
        if verdict not in ("right", "wrong"):
            worker.stop()  # its memory is spoilt: the next comparison gets a new process
        return Grade(verdict, float(verdict == "right"), detail)
    return Grade(INFRA, 0.0, reason)


class WorkerDiedError(Exception):
    """A worker gave no answer. ``by_itself``: it crashed, rather than being killed from outside."""

    def __init__(self, reason: str, *, by_itself: bool = False, out_of_time: bool = False) -> None:
        super().__init__(reason)
        self.by_itself = by_itself
        self.out_of_time = out_of_time


class Worker:
    """One process, started on first use and restarted after it has ended. Used by one thread at a time."""

    def __init__(self, methods: Sequence[Method], limits: AlgebraLimits) -> None:
        self._methods = methods
        self._limits = limits
        self._running: tuple[subprocess.Popen[bytes], socket.socket] | None = None

    def ask(self, comparison: Comparison) -> tuple[str, str]:
        """Verdict and reason. Raises :class:`WorkerDiedError` when there is no answer."""
        process, channel = self._running or self._start()
        channel.settimeout(self._limits.wall_seconds)
        try:
            channel.sendall(json.dumps(asdict(comparison)).encode() + b"\n")
        except TimeoutError:
            raise WorkerDiedError("the process for algebra does not read") from None
        except OSError:
            raise _death(process) from None
        return _reply(process, channel)

    def stop(self) -> None:
        """End the process, if one runs."""
        running, self._running = self._running, None
        if running is not None:
            process, channel = running
            process.kill()
            process.wait()
            channel.close()

    def _start(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        channel, other = socket.socketpair()
        try:
            process = subprocess.Popen(
                [sys.executable, "-s", "-P", str(WORKER), self._limits.model_dump_json(), *self._methods],
                stdin=other.fileno(),
                stdout=other.fileno(),
                stderr=subprocess.DEVNULL,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            channel.close()
            raise WorkerDiedError(f"no process for algebra could be started: {error}") from None
        finally:
            other.close()
        self._running = process, channel
        channel.settimeout(START_SECONDS)
        try:
            _reply(process, channel)
        except WorkerDiedError as death:  # whatever ended it, no comparison did
            raise WorkerDiedError(f"{death} while it started") from None
        return process, channel


def _reply(process: subprocess.Popen[bytes], channel: socket.socket) -> tuple[str, str]:
    reply = b""
    while not reply.endswith(b"\n"):
        try:
            part = channel.recv(REPLY_BYTES)
        except TimeoutError:
            raise WorkerDiedError("the process for algebra gives no answer and uses no processor time") from None
        except OSError:
            part = b""
        if not part or len(reply) > REPLY_BYTES:
            raise _death(process)
        reply += part
    found = json.loads(reply)
    return str(found["verdict"]), str(found["detail"])


def _death(process: subprocess.Popen[bytes]) -> WorkerDiedError:
    """Why a process with a closed channel has ended."""
    try:
        code = process.wait(timeout=START_SECONDS)
    except subprocess.TimeoutExpired:
        return WorkerDiedError("the process for algebra has hung up")
    if code >= 0:
        return WorkerDiedError(f"the process for algebra ended with status {code}", by_itself=True)
    ended = signal.Signals(-code)
    return WorkerDiedError(
        f"the process for algebra was ended by {ended.name}",
        by_itself=ended in BY_ITSELF,
        out_of_time=ended is signal.SIGXCPU,
    )
