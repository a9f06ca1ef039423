"""The parent's side of extraction: one worker process, fed through a pipe, replaced when a document kills it.

A thread writes requests ahead, so the worker never waits; the answers come back in order, so the document that killed a
worker is the first one without an answer. It is set aside, and a new worker continues with the next.
A worker of trafilatura is replaced after ``RECYCLE_PAGES`` pages, because lxml and trafilatura keep memory (trafilatura
#704, #651). Cost: one copy of every document through a pipe each way (about 1 GB/s), one worker start a call (about
40 ms, with trafilatura 400 ms).
"""

import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, BinaryIO

from gristmill.core.errors import GristmillError
from gristmill.tasks.extraction.worker import OUT_OF_MEMORY, READY, REQUEST, RESPONSE
from gristmill.tasks.ingest.readers.reasons import Reason

# Signals that the limits and the document itself can cause; any other came from outside and stops the run.
CRASHES = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP, signal.SIGSYS}
)
STALL_FACTOR, STALL_SECONDS = 60, 600
MAX_NOTE_BYTES = 1 << 12
RECYCLE_PAGES = {"resiliparse": None, "trafilatura": 2000, "trafilatura-precise": 2000, "hidden": None}
# Neither extraction nor NFC makes text much longer than the page; a longer one did not come from our worker.
MAX_GROWTH, GROWTH_SLACK = 18, 1 << 20


@dataclass(frozen=True, slots=True)
class ExtractionJob:
    """One document for the worker: ``kind`` is html, plain or row."""

    kind: str
    charset: str | None
    payload: bytes


@dataclass(frozen=True, slots=True)
class ExtractionResult:
    """Text and encoding, or the reason why there is no text and a note about it."""

    text: str = ""
    encoding: str = ""
    reason: Reason | None = None
    note: str = ""


def extract_texts(
    jobs: Sequence[ExtractionJob], extractor: str, cpu_seconds: float, memory_bytes: int
) -> Iterator[ExtractionResult]:
    """One answer a job, in order. ``extractor`` is one of ``RECYCLE_PAGES``. Raises :class:`GristmillError` when the
    worker cannot start, hangs, or is killed from outside."""
    pages = RECYCLE_PAGES[extractor]
    position = 0
    while position < len(jobs):
        batch = jobs[position : position + pages] if pages else jobs[position:]
        with _Worker(batch, extractor, cpu_seconds, memory_bytes) as worker:
            for job in batch:
                answer = worker.answer(job)
                position += 1
                yield answer
                if worker.ended:
                    break


class _Worker:
    """A worker process and the thread that feeds it."""

    def __init__(self, jobs: Sequence[ExtractionJob], extractor: str, cpu_seconds: float, memory_bytes: int) -> None:
        self.jobs = jobs
        self.extractor = extractor
        self.cpu_seconds = cpu_seconds
        self.memory_bytes = memory_bytes
        self.stall_seconds = max(STALL_SECONDS, STALL_FACTOR * cpu_seconds)
        self.ended = False

    def __enter__(self) -> "_Worker":
        self.errors: BinaryIO = tempfile.TemporaryFile()
        limits = (str(self.cpu_seconds), str(self.memory_bytes))
        command = [sys.executable, "-I", "-m", "gristmill.tasks.extraction.worker", *limits, self.extractor]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, bufsize=0
        )
        if self._read(len(READY)) != READY:
            self.process.kill()
            self.process.wait()
            self.errors.seek(0)
            said = self.errors.read().decode("utf-8", "replace").strip()[-2000:]
            self._close()
            raise GristmillError(
                f"the extraction worker does not start (is gristmill installed in {sys.prefix}?): {said}"
            )
        self.feeder = threading.Thread(target=self._feed, name="extract-feeder", daemon=True)
        self.feeder.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.feeder.join()
        self._close()

    def _close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream is not None:
                stream.close()

    def _feed(self) -> None:
        """Write every request; a worker that died takes no more."""
        pipe = self.process.stdin
        assert pipe is not None  # noqa: S101 - it was asked for
        try:
            for job in self.jobs:
                charset = (job.charset or "").encode("utf-8", "replace")[:100]
                head = REQUEST.pack(job.kind[:1].encode(), len(charset), len(job.payload))
                _write(pipe, head + charset)
                _write(pipe, job.payload)
        except BrokenPipeError:
            return

    def answer(self, job: ExtractionJob) -> ExtractionResult:
        """The answer to the next job, or what the worker's death says about it."""
        head = self._read(RESPONSE.size)
        if len(head) < RESPONSE.size:
            return self._post_mortem()
        status, note_size, text_size = RESPONSE.unpack(head)
        if note_size > MAX_NOTE_BYTES or text_size > MAX_GROWTH * len(job.payload) + GROWTH_SLACK:
            self.process.kill()
            self.ended = True
            return ExtractionResult(reason=Reason.EXTRACT_CRASHED, note="the worker's answer was garbage")
        body = self._read(note_size + text_size)
        if len(body) < note_size + text_size:
            return self._post_mortem()
        note = body[:note_size].decode("utf-8", "replace")
        if status == b"t":
            return ExtractionResult(text=body[note_size:].decode("utf-8", "replace"), encoding=note)
        if status == b"u":
            return ExtractionResult(reason=Reason.UNDECODABLE, note=note)
        self.process.kill()  # after an error inside a library its state cannot be trusted
        self.ended = True
        return ExtractionResult(reason=Reason.EXTRACT_CRASHED, note=note)

    def _post_mortem(self) -> ExtractionResult:
        self.ended = True
        code = self.process.wait()
        if code == -signal.SIGPROF:
            note = f"more than {self.cpu_seconds:g} s of processor time"
            return ExtractionResult(reason=Reason.EXTRACT_TIMEOUT, note=note)
        if code == OUT_OF_MEMORY:
            return ExtractionResult(
                reason=Reason.EXTRACT_CRASHED, note=f"more than {self.memory_bytes >> 20} MiB of memory"
            )
        if -code in CRASHES:
            return ExtractionResult(
                reason=Reason.EXTRACT_CRASHED, note=f"the worker died of {signal.Signals(-code).name}"
            )
        raise GristmillError(
            f"the extraction worker was stopped from outside (exit code {code}), perhaps for lack of memory. "
            "Run the same command again; it resumes where it stopped."
        )

    def _read(self, size: int) -> bytes:
        """``size`` bytes from the worker, fewer when it has ended. Raises :class:`GristmillError` when nothing comes
        for a very long time although the kernel would have stopped a busy worker."""
        pipe = self.process.stdout
        assert pipe is not None  # noqa: S101 - it was asked for
        descriptor = pipe.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        parts: list[bytes] = []
        while size > 0:
            if not poll.poll(self.stall_seconds * 1000):
                raise GristmillError(
                    f"the extraction worker (process {self.process.pid}) has done nothing for "
                    f"{self.stall_seconds:.0f} s. Is it suspended, or the machine out of memory?"
                )
            part = os.read(descriptor, min(size, 1 << 20))
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def _write(pipe: IO[bytes], data: bytes) -> None:
    """All of ``data`` into an unbuffered pipe."""
    view = memoryview(data)
    while view:
        view = view[os.write(pipe.fileno(), view) :]
