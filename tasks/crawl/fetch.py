"""One page over HTTP, recorded byte for byte by warcio's capture, and the links on it.

warcio records what goes over the socket of an :class:`http.client.HTTPConnection` (``warcio/capture_http.py``). Here
the recorder hands over the bytes instead of writing them, so that the crawl can name the page after its real host and
write records in its own order. Plain HTTP only: warcio's recorder does not cover ``https`` of the standard library.
"""

import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from typing import Any
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from pydantic import Field
from resiliparse.parse.html import HTMLTree
from warcio.capture_http import RecordingHTTPConnection, capture_http
from warcio.exceptions import ArchiveLoadFailed
from warcio.statusandheaders import StatusAndHeadersParserException

from gristmill.core.config import Config

PIECE = 1 << 16
#: Addresses longer than this, and links beyond this number on one page, are not followed.
LONGEST_URL = 2_000
MOST_LINKS = 5_000
REDIRECTS = {301, 302, 303, 307, 308}

Resolve = Mapping[str, tuple[str, int]]


class FetchConfig(Config):
    """How one page is asked for, and the limits of what is taken."""

    user_agent: str = Field(
        default="gristmill/0.1", description="sent with each request; robots.txt rules match its name"
    )
    timeout_seconds: float = Field(default=20.0, gt=0, description="longest wait for the next bytes")
    page_seconds: float = Field(default=60.0, gt=0, description="longest time for one page; the rest is cut off")
    max_bytes: int = Field(default=8 << 20, gt=0, description="largest body taken; the rest is cut off")
    retries: int = Field(default=2, ge=0, le=10, description="further attempts after a failed connection")


class FetchError(Exception):
    """No response came. ``kind`` is ``timeout``, ``connection`` or ``malformed``."""

    def __init__(self, kind: str, url: str) -> None:
        super().__init__(f"{url}: {kind}")
        self.kind = kind


@dataclass(frozen=True)
class Capture:
    """A page as it went over the wire, with what the crawl needs of it.

    ``body`` is the payload without transfer coding; ``truncated`` is the WARC reason when it was cut, else ``None``.
    """

    url: str
    request: bytes
    response: bytes
    status: int
    content_type: str
    content_encoding: str
    location: str
    body: bytes
    address: str
    truncated: str | None = None


class Fetcher:
    """Keeps one connection for each host. Used by one thread at a time."""

    def __init__(self, config: FetchConfig, resolve: Resolve) -> None:
        self._config = config
        self._resolve = resolve
        self._connections: dict[str, HTTPConnection] = {}
        self._recorded: list[tuple[bytes, bytes]] = []

    def get(self, url: str) -> Capture:
        """Fetch ``url``; a failed connection is tried again. Raises :class:`FetchError` after the last attempt."""
        for attempt in range(self._config.retries + 1):
            try:
                return self._attempt(url)
            except TimeoutError:
                kind = "timeout"
            except OSError:
                kind = "connection"
            except (HTTPException, ArchiveLoadFailed, StatusAndHeadersParserException, ValueError):
                kind = "malformed"
            self._drop(urlsplit(url).netloc)
            if attempt < self._config.retries:
                time.sleep(0.1 * 2**attempt)
        raise FetchError(kind, url)

    def close(self) -> None:
        """Close every connection."""
        for host in list(self._connections):
            self._drop(host)

    def _drop(self, host: str) -> None:
        connection = self._connections.pop(host, None)
        if connection:
            connection.close()

    def _connection(self, host: str) -> HTTPConnection:
        if host not in self._connections:
            name, _, port = host.partition(":")
            address = self._resolve.get(host, (name, int(port or 80)))
            with capture_http(filter_func=self._keep):
                self._connections[host] = RecordingHTTPConnection(*address, timeout=self._config.timeout_seconds)
        return self._connections[host]

    def _keep(self, _request: Any, _response: Any, recorder: Any) -> tuple[None, None]:
        """warcio's filter: keep the raw bytes, and have warcio write nothing."""
        recorder.request_out.seek(0)
        recorder.response_out.seek(0)
        self._recorded.append((recorder.request_out.read(), recorder.response_out.read()))
        return None, None

    def _attempt(self, url: str) -> Capture:
        parts = urlsplit(url)
        connection = self._connection(parts.netloc)
        self._recorded.clear()
        headers = {"Host": parts.netloc, "User-Agent": self._config.user_agent, "Accept-Encoding": "gzip"}
        target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request("GET", target, headers={**headers, "Accept": "text/html,*/*;q=0.5"})
        response = connection.getresponse()
        try:
            body, truncated = self._body(response)
        finally:
            response.close()
        if truncated or response.will_close:
            self._drop(parts.netloc)
        request_bytes, response_bytes = self._recorded[-1]
        return Capture(
            url=url,
            request=request_bytes,
            response=response_bytes,
            status=response.status,
            content_type=response.headers.get("Content-Type", ""),
            content_encoding=response.headers.get("Content-Encoding", ""),
            location=response.headers.get("Location", ""),
            body=body,
            address=self._resolve.get(parts.netloc, ("", 0))[0],
            truncated=truncated,
        )

    def _body(self, response: HTTPResponse) -> tuple[bytes, str | None]:
        """The body up to the limits, and why it is not whole (``length``, ``time``, ``disconnect``)."""
        pieces: list[bytes] = []
        size = 0
        limit = time.monotonic() + self._config.page_seconds
        try:
            while piece := response.read(PIECE):
                pieces.append(piece)
                size += len(piece)
                if size > self._config.max_bytes:
                    return b"".join(pieces), "length"
                if time.monotonic() > limit:
                    return b"".join(pieces), "time"
        except (IncompleteRead, ConnectionError):
            return b"".join(pieces), "disconnect"
        return b"".join(pieces), "disconnect" if response.length else None


def canonical(link: str, base: str) -> str | None:
    """``link`` as an absolute http address without fragment, in one spelling; ``None`` when it is not one."""
    try:
        parts = urlsplit(urljoin(base, link.strip()))
        port = parts.port
    except ValueError:
        return None
    if parts.scheme != "http" or not parts.hostname or parts.username is not None:
        return None
    host = parts.hostname if port in (None, 80) else f"{parts.hostname}:{port}"
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    url = urlunsplit(("http", host, path, quote(parts.query, safe="/%:@!$&'()*+,;=~?"), ""))
    return url if len(url) <= LONGEST_URL else None


def links(capture: Capture, max_bytes: int) -> list[str]:
    """The addresses a page leads to, in its order, each once: its redirect, and the anchors of an HTML body.

    Links marked ``nofollow`` are left out. A compressed body is opened up to ``max_bytes``.
    """
    if capture.status in REDIRECTS and capture.location:
        target = canonical(capture.location, capture.url)
        return [target] if target else []
    if "html" not in capture.content_type.lower():
        return []
    document = HTMLTree.parse(_decoded(capture, max_bytes).decode("utf-8", "replace")).document
    if document is None:
        return []
    named = document.query_selector("base[href]")
    base = urljoin(capture.url, named.getattr("href", "")) if named else capture.url
    found: dict[str, None] = {}
    # .values(), because an index or a loop over the collection itself runs the query again for every item
    for anchor in document.query_selector_all("a[href]").values():
        if "nofollow" in (anchor.getattr("rel") or "").lower():
            continue
        url = canonical(anchor.getattr("href") or "", base)
        if url:
            found[url] = None
        if len(found) >= MOST_LINKS:
            break
    return list(found)


def _decoded(capture: Capture, max_bytes: int) -> bytes:
    if capture.content_encoding.lower() not in ("gzip", "x-gzip", "deflate"):
        return capture.body
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(capture.body, max_bytes)
    except zlib.error:
        return b""
