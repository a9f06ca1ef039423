"""A web server on loopback that can misbehave the ways real ones do, and remembers what it was asked."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import md5
from urllib.parse import urlsplit

from tests.helpers.serving import Quiet, serving


@dataclass
class Manners:
    """How the server behaves; may be changed while it runs."""

    files: dict[str, bytes] = field(default_factory=dict)
    #: Bytes of a body after which the connection is cut, as often as ``cuts`` says.
    cut_after: int = 0
    cuts: int = 0
    #: Answers of 503 before the next answer, with that Retry-After.
    busy: int = 0
    retry_after: str = "1"
    ranges: bool = True
    head: bool = True
    etags: bool = True
    weak: bool = False
    dates: bool = False
    #: Requests for content after which every file has another content of the same length.
    changes_after: int | None = None
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    served: int = 0

    def requests(self, method: str) -> list[tuple[str, str | None]]:
        """Path and Range of every request of a method."""
        return [(path, wanted) for verb, path, wanted in self.asked if verb == method]


@contextmanager
def web_server(manners: Manners) -> Iterator[str]:
    """The address of a running server."""

    class Handler(Quiet):
        def do_HEAD(self) -> None:  # noqa: N802 - the name that http.server calls
            self._answer(body=False)

        def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            path, wanted = urlsplit(self.path).path, self.headers.get("Range")
            manners.asked.append((self.command, path, wanted))
            manners.times.append(time.monotonic())
            if not body and not manners.head:
                return self.send_whole(405)
            if manners.busy:
                manners.busy -= 1
                return self.send_whole(503, **{"Retry-After": manners.retry_after})
            data = manners.files.get(path.lstrip("/"))
            if data is None:
                return self.send_whole(404)
            if body and manners.changes_after is not None:
                if manners.changes_after <= 0:
                    data = data[::-1]
                manners.changes_after -= 1
            etag = ("W/" if manners.weak else "") + f'"{md5(data, usedforsecurity=False).hexdigest()}"'
            headers = {"ETag": etag} if manners.etags else {}
            if manners.dates:
                headers["Last-Modified"] = formatdate(1_700_000_000, usegmt=True)
            condition = self.headers.get("If-Range")
            current = condition is None or condition in headers.values()
            begin, code = 0, 200
            if wanted and manners.ranges and current:
                begin = int(wanted.removeprefix("bytes=").partition("-")[0])
                last = wanted.partition("-")[2]
                end = min(int(last) + 1, len(data)) if last else len(data)
                if begin >= len(data):
                    return self.send_whole(416)
                headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(data)}"
                data, code = data[begin:end], 206
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if not body:
                return None
            if manners.cuts and len(data) > manners.cut_after:
                manners.cuts -= 1
                data = data[: manners.cut_after]
                self.close_connection = True
            manners.served += len(data)
            self.wfile.write(data)
            return None

    with serving(Handler, "web") as address:
        yield address
