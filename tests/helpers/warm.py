"""The command line in a process that has its slow imports behind it and forks for each command.

A command that curates spends some seven seconds of processor on importing Prefect and Great Expectations. A child of a
process that has them is a process of its own all the same: own memory, descriptors, environment and exit code. Only
what a library reads from the environment while it is imported is that of the start; for Prefect, its server's address.

``python -m tests.helpers.warm ADDRESS [CHECKPOINT...]`` listens on a Unix socket. A client sends the words, the
environment and the folder as JSON, with the descriptors of standard output and error, and reads the command's process
id, then its exit code and its milliseconds of processor. Each command has a parent of its own that waits for it, so the
listener waits for none.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from gristmill.evals.admission.checkpoint import admit
from gristmill.flows.cli.app import ENVIRONMENT, main
from gristmill.tasks.text.paragraphs import paragraphs
from gristmill.warehouse.build.blank import blank
from gristmill.warehouse.build.migrate import read_migrations
from gristmill.warehouse.build.publish import MIGRATIONS
from tests.helpers.cli import GRISTMILL, Ended

IMPORTED = (
    "gristmill.flows.pipeline",
    "gristmill.flows.prefect.deployments",
    "great_expectations",
    "duckdb_engine",
    "fastapi",
)
STARTS_WITHIN_S = 240
LONGEST_PART = 1 << 20
NUMBER = 10  # bytes of a number on the socket, so that two sent soon after each other are read apart


@contextmanager
def warm(folder: Path, environment: Mapping[str, str], *admitted: Path) -> Iterator[Path]:
    """The address of such a process, started with ``environment`` over this process's, and ended with the block.

    Its commands do not examine models like those ``admitted`` again, which takes 4 s of processor each time.
    """
    address = folder / "commands"
    words = [sys.executable, "-m", "tests.helpers.warm", str(address), *map(str, admitted)]
    with subprocess.Popen(words, env=os.environ | environment) as process:
        try:
            yield address
        finally:
            process.terminate()


class Command:
    """A command that was begun. ``process``: its id and its group's. ``processor``: its seconds, once it has ended."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._code: int | None = None
        self.processor = 0.0
        self.process = self._number()

    def ended(self, timeout: float) -> int | None:
        """Its exit code (negative: the signal that ended it), or None when it still runs after ``timeout`` seconds."""
        if self._code is None and select.select([self._client], [], [], timeout)[0]:
            self._code = self._number()
            self.processor = self._number() / 1000
        return self._code

    def _number(self) -> int:
        return int(self._client.recv(NUMBER, socket.MSG_WAITALL))


@contextmanager
def begun(
    address: Path, words: Sequence[str], environment: Mapping[str, str], out: IO[bytes], err: IO[bytes]
) -> Iterator[Command]:
    """``gristmill WORDS`` as a child of the process at ``address``, with ``environment`` over this process's, in a
    group of its own. What still runs of it at the end of the block is killed."""
    job = {"words": words, "environment": dict(os.environ | environment), "folder": str(Path.cwd())}
    with _connected(address) as client:
        socket.send_fds(client, [json.dumps(job).encode()], [out.fileno(), err.fileno()])
        client.shutdown(socket.SHUT_WR)
        running = Command(client)
        try:
            yield running
        finally:
            if running.ended(0) is None:
                os.killpg(running.process, signal.SIGKILL)


def command(address: Path, words: Sequence[str], environment: Mapping[str, str], timeout: float) -> Ended:
    """Run ``gristmill WORDS`` to its end, as :func:`begun` does.

    Raises :class:`TimeoutError` after ``timeout`` seconds; the command is killed.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with begun(address, words, environment, out, err) as running:
            code = running.ended(timeout)
            if code is None:
                raise TimeoutError(f"gristmill {words[0]} runs after {timeout} s")
        for file in (out, err):
            file.seek(0)
        return Ended(code, out.read().decode(), err.read().decode(), time.monotonic() - started, running.processor)


def _connected(address: Path) -> socket.socket:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while True:
        client = socket.socket(socket.AF_UNIX)
        try:
            client.connect(str(address))
        except (FileNotFoundError, ConnectionRefusedError):
            client.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return client


def listen(address: Path) -> tuple[dict[str, Any], list[int]]:
    """Fork for each client, forever. Returns in each command, with its job and its two descriptors."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how the parents of commands ended
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(address))
        server.listen()
        while True:
            client, _ = server.accept()
            with client:
                if os.fork() == 0:
                    server.close()
                    return _command_of(client)


def _command_of(client: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Fork the command, in which this returns, and tell the client how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    job, descriptors, _, _ = socket.recv_fds(client, LONGEST_PART, 2)
    while part := client.recv(LONGEST_PART):
        job += part
    process = os.fork()
    if process == 0:
        os.setpgid(0, 0)
        return json.loads(job), descriptors
    with suppress(PermissionError, ProcessLookupError):  # whichever comes first: its group stands when it is told
        os.setpgid(process, process)
    client.send(b"%*d" % (NUMBER, process))
    _, status, usage = os.wait4(process, 0)
    client.send(b"%*d" % (NUMBER, os.waitstatus_to_exitcode(status)))
    client.send(b"%*d" % (NUMBER, round(1000 * (usage.ru_utime + usage.ru_stime))))
    os._exit(0)


def become(job: dict[str, Any], descriptors: list[int]) -> None:
    """Be the command, to its end."""
    for standard, descriptor in enumerate(descriptors, start=1):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(job["environment"])
    os.chdir(job["folder"])
    sys.argv = [GRISTMILL, *job["words"]]
    main()


if __name__ == "__main__":
    os.environ.update(ENVIRONMENT)
    for module in IMPORTED:
        importlib.import_module(module)
    paragraphs(pa.array(["what numba reads before its first kernel"]))
    blank(tuple(read_migrations(MIGRATIONS)))
    for checkpoint in sys.argv[2:]:
        admit(Path(checkpoint))
    gc.collect()
    gc.freeze()  # else each command looks through all that was imported again and again
    become(*listen(Path(sys.argv[1])))
