"""Files of web servers: described by HEAD, read by GET with a range, and never mixed from two versions.

Source: RFC 9110, sections 8.8 (validators), 10.2.3 (Retry-After), 13.1.5 (If-Range) and 14 (ranges). A range is asked
for under ``If-Range`` with a strong ETag, else with the date of the last change; a server that has another version
then sends the whole file, whose validators give it away. Where there is only a weak ETag no range is asked for. Cost:
one request for the description, one for each uninterrupted byte range.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from gristmill.core.errors import GristmillError
from gristmill.tasks.ingest.remote.pace import Pace
from gristmill.tasks.ingest.remote.state import (
    AbsentError,
    ChangedError,
    RemoteConfig,
    State,
    TransientError,
    UnreachableError,
    shown,
)

MAX_REDIRECTS = 10
USER_AGENT = "gristmill/0.1 (+https://pypi.org/project/gristmill)"
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
#: Answers to HEAD that may only mean that HEAD is not wanted.
HEAD_REFUSED = frozenset({400, 403, 405, 501})
RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class Http:
    """One client; use it as a context manager."""

    def __init__(self, settings: RemoteConfig, pace: Pace) -> None:
        self.settings = settings
        self.pace = pace
        # The stored bytes are wanted: a coding for the way would make lengths and ranges meaningless.
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        self.client = httpx.Client(
            headers=headers, timeout=settings.timeout_seconds, follow_redirects=True, max_redirects=MAX_REDIRECTS
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def state(self, url: str) -> State:
        """Size and version of a file; see :class:`gristmill.tasks.ingest.remote.state.Transport`."""
        with self._response("HEAD", url, {}) as response:
            refused = response.status_code in HEAD_REFUSED
            if not refused:
                self._check(response, url)
                return State(_length(response), _version(response))
        with self._response("GET", url, {"Range": "bytes=0-0"}) as response:
            self._check(response, url)
            found = RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if response.status_code == httpx.codes.PARTIAL_CONTENT and found:
                return State(None if found[3] == "*" else int(found[3]), _version(response))
            return State(_length(response), _version(response))

    def read(self, url: str, state: State, offset: int) -> Iterator[tuple[int, bytes]]:
        """Pieces of a file; see :class:`gristmill.tasks.ingest.remote.state.Transport`."""
        host = urlsplit(url).netloc
        validator = _range_validator(state.version)
        headers = {"Range": f"bytes={offset}-", "If-Range": validator} if offset and validator else {}
        with self.pace.connection(host), self._response("GET", url, headers) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise ChangedError(url)
            self._check(response, url)
            place, size = _begin(response, url)
            if _version(response) != state.version or (None not in (size, state.size) and size != state.size):
                raise ChangedError(url)
            if place not in (0, offset):
                raise GristmillError(
                    f"{shown(url)}: asked for the bytes from {offset} on, the server sends those from {place} on."
                )
            with _network_errors():
                for piece in response.iter_raw():  # as it comes, so that a cut loses nothing of it
                    yield place, piece
                    place += len(piece)

    @contextmanager
    def _response(self, method: str, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """The head of a response; its body is read by whoever wants it."""
        self.pace.wait(urlsplit(url).netloc)
        with _network_errors():
            response = self.client.send(self.client.build_request(method, url, headers=headers), stream=True)
        try:
            yield response
        finally:
            response.close()

    def _check(self, response: httpx.Response, url: str) -> None:
        """Raises what an answer without the file means."""
        code = response.status_code
        if response.is_success:
            return
        if code in BUSY:
            wait = retry_after(response.headers.get("Retry-After"))
            if wait:
                self.pace.stay_away(urlsplit(url).netloc, min(wait, self.settings.longest_wait_seconds))
            raise TransientError(f"the server answers {code} {response.reason_phrase}", wait)
        if code in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
            raise AbsentError(f"{shown(url)}: there is no such file on the server (status {code}). Check the address.")
        if code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise AbsentError(
                f"{shown(url)}: the server refuses it (status {code}). Check the address; a server that found us "
                "too greedy answers like this for some hours."
            )
        raise GristmillError(f"{shown(url)}: the server answers {code} {response.reason_phrase}.")


def retry_after(value: str | None) -> float | None:
    """``Retry-After`` in seconds from now: a number of them or a date; None where it is absent or neither."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - time.time())


def _begin(response: httpx.Response, url: str) -> tuple[int, int | None]:
    """Where in the file the body begins, and the size of the whole file."""
    if response.status_code != httpx.codes.PARTIAL_CONTENT:
        return 0, _length(response)
    found = RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if found is None:
        raise GristmillError(f"{shown(url)}: the server sends a part and does not say which.")
    return int(found[1]), None if found[3] == "*" else int(found[3])


def _length(response: httpx.Response) -> int | None:
    value = response.headers.get("Content-Length", "")
    return int(value) if value.isdigit() else None


def _version(response: httpx.Response) -> str:
    """The ETag, else the date of the last change, else nothing."""
    etag, date = response.headers.get("ETag", "").strip(), response.headers.get("Last-Modified", "").strip()
    return f"etag {etag}" if etag else f"date {date}" if date else ""


def _range_validator(version: str) -> str | None:
    """What may stand in If-Range: a strong ETag or a date."""
    kind, _, value = version.partition(" ")
    return value if kind == "date" or (kind == "etag" and not value.startswith("W/")) else None


@contextmanager
def _network_errors() -> Iterator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise UnreachableError(f"{type(error).__name__}: {error}") from error
    except (httpx.TransportError, httpx.StreamError) as error:
        raise TransientError(f"{type(error).__name__}: {error}") from error
    except httpx.TooManyRedirects as error:
        raise GristmillError(f"the server redirects in a circle: {error}") from error
    except httpx.InvalidURL as error:
        raise GristmillError(f"this is not an address: {error}") from error
