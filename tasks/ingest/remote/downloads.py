"""Downloads that resume where they stopped: after a cut connection, after a kill, in another process.

The bytes received so far are in ``<folder>/<key>.part``; the key is made of the address, the size and the version, so
the bytes of two versions never meet. Whoever downloads holds a lock on it. It is deleted when the file has been read,
so the disk holds as many remote files as there are workers. Cost: one copy of each file on disk while it is read.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TypeVar

from gristmill.core.digests import digest_text
from gristmill.core.errors import GristmillError
from gristmill.core.files.locks import locked
from gristmill.core.files.os_errors import translate_os_errors
from gristmill.tasks.ingest.remote.http import Http
from gristmill.tasks.ingest.remote.pace import Pace
from gristmill.tasks.ingest.remote.state import (
    WEB,
    ChangedError,
    RemoteConfig,
    RemoteFile,
    State,
    TransientError,
    Transport,
    shown,
)
from gristmill.tasks.ingest.remote.stores import Store

T = TypeVar("T")


def transport(url: str, settings: RemoteConfig, folder: Path) -> AbstractContextManager[Transport]:
    """What reads ``url``. ``folder`` is shared by all who should be polite together."""
    if url.startswith(WEB):
        return Http(settings, Pace(folder, settings.delay_seconds, settings.connections))
    return nullcontext(Store(url))


@contextmanager
def downloaded(file: RemoteFile, folder: Path) -> Iterator[Path]:
    """The file on this machine, for as long as the block lasts; what was downloaded stays when the block fails.

    Raises :class:`GristmillError` when the file is gone or has changed, the server keeps failing, or the disk is full.
    """
    with transport(file.url, file.settings, folder) as source, translate_os_errors(folder.parent):
        state = patiently(lambda: source.state(file.url), file.url, file.settings)
        if file.version and (state.version, state.size) != (file.version, file.size):
            raise ChangedError(file.url)
        folder.mkdir(parents=True, exist_ok=True)
        address = digest_text(file.url)
        path = folder / f"{address}-{digest_text(f'{state.version} {state.size}')[:16]}.part"
        for older in folder.glob(f"{address}-*.part"):
            if older != path:
                older.unlink(missing_ok=True)
        with locked(path):
            path.touch()  # the one who had the lock before may have read and deleted it
            _complete(source, file, state, path)
            yield path
            path.unlink(missing_ok=True)


def _complete(source: Transport, file: RemoteFile, state: State, path: Path) -> None:
    """Download what is missing. Raises :class:`GristmillError` after ``attempts`` failures without a new byte."""
    settings = file.settings
    failures, best = 0, path.stat().st_size
    while state.size is None or path.stat().st_size < state.size:
        try:
            _append(source, file.url, state, path)
            if state.size is None:
                return
            if path.stat().st_size < state.size:
                raise TransientError(f"the connection ended after {path.stat().st_size:,} of {state.size:,} bytes")
        except TransientError as error:
            size = path.stat().st_size
            failures = 1 if size > best else failures + 1
            best = max(best, size)
            _wait(error, failures, file.url, settings)
        except ChangedError:
            path.unlink(missing_ok=True)
            raise
    if state.size is not None and path.stat().st_size > state.size:
        path.unlink()
        raise GristmillError(
            f"{shown(file.url)}: the server says {state.size:,} bytes and sends more. Nothing of it was kept."
        )


def _append(source: Transport, url: str, state: State, path: Path) -> None:
    """One uninterrupted byte range; where the server starts over, so does the file."""
    with path.open("r+b") as out:
        out.seek(0, 2)
        for place, piece in source.read(url, state, out.tell()):
            if place != out.tell():
                out.seek(place)
                out.truncate()
            out.write(piece)


def patiently(ask: Callable[[], T], url: str, settings: RemoteConfig) -> T:
    """The answer to a small question, asked again while the failures are of the kind that passes.

    Raises :class:`GristmillError` after ``attempts`` of them.
    """
    failures = 0
    while True:
        try:
            return ask()
        except TransientError as error:
            failures += 1
            _wait(error, failures, url, settings)


def _wait(error: TransientError, failures: int, url: str, settings: RemoteConfig) -> None:
    """Sleep before the next attempt, or give up."""
    if failures >= settings.attempts:
        raise GristmillError(
            f"{shown(url)}: {failures} attempts without a new byte, the last one: {error}. Those bytes are kept: "
            "run the same command again, and it resumes there."
        ) from error
    wait = settings.backoff_seconds * 2 ** min(failures - 1, 6)
    if error.wait is not None:
        if error.wait > settings.longest_wait_seconds:
            raise GristmillError(
                f"{shown(url)}: {error}, and asks us to come back in {error.wait:,.0f} s. "
                "Run the same command again then."
            ) from error
        wait = max(wait, error.wait)
    time.sleep(min(wait, settings.longest_wait_seconds))
