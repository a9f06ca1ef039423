"""The demo site over HTTP on loopback, in a process of its own.

The server has its own process so that it does not share the interpreter lock with the crawler. It ends when the pipe
from its parent closes, so it cannot outlive a parent that was killed. Its answers carry no clock: the same request gets
the same bytes.
"""

import gc
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gristmill.core.errors import GristmillError
from gristmill.tasks.demo_site.answers import SiteResponse
from gristmill.tasks.demo_site.catalogue import SiteConfig
from gristmill.tasks.demo_site.pages import Site

#: The name the site has in records. ``.test`` is reserved (RFC 2606), so it can never be a real host.
HOST = "demo.gristmill.test"
LOOPBACK = "127.0.0.1"
CHUNK = 4_096


@dataclass(frozen=True)
class Serving:
    """A running site: its address in records, where its host really is, and the digest that names its content."""

    url: str
    resolve: Mapping[str, tuple[str, int]]
    digest: str


class SiteServer(ThreadingHTTPServer):
    """An HTTP/1.1 server of one :class:`Site` on a free port of the loopback interface."""

    daemon_threads = True

    def __init__(self, site: Site) -> None:
        super().__init__((LOOPBACK, 0), SiteHandler)
        self.site = site


class SiteHandler(BaseHTTPRequestHandler):
    """Answers GET with what the site has at the path."""

    protocol_version = "HTTP/1.1"
    server: SiteServer
    timeout = 30
    wbufsize = -1  # headers and body leave in one write: no delayed acknowledgement slows a small page

    def do_GET(self) -> None:  # the name http.server calls
        """Send the answer, without the clock and the version that ``send_response`` would add."""
        answer = self.server.site.answer(self.path)
        self.send_response_only(answer.status)
        if answer.content_type:
            self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(answer.body)))
        if answer.cut is not None:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(_framed(answer))

    def log_message(self, format: str, *args: object) -> None:  # the base class's name
        """Say nothing: the crawl's report counts the answers."""


def _framed(answer: SiteResponse) -> bytes:
    if not answer.chunked:
        return answer.body[: answer.cut]
    pieces = [answer.body[at : at + CHUNK] for at in range(0, len(answer.body), CHUNK)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@contextmanager
def serve_site(config: SiteConfig) -> Iterator[Serving]:
    """Run the site while the block runs. Raises :class:`GristmillError` when the server does not start."""
    command = [sys.executable, "-P", "-W", "ignore", "-m", "gristmill.tasks.demo_site.server", config.model_dump_json()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            line = process.stdout.readline().decode() if process.stdout else ""
            if not line.strip():
                raise GristmillError(
                    f"the demo site did not start (exit code {process.wait()}). Its error is printed above; "
                    f"`{sys.executable} -m gristmill.tasks.demo_site.server` starts it alone."
                )
            port, digest = line.split()
            yield Serving(f"http://{HOST}/", {HOST: (LOOPBACK, int(port))}, digest)
        finally:
            if process.stdin:
                process.stdin.close()
            process.wait()


def main() -> None:
    """Serve until standard input closes. Prints the port and the site's digest when it is ready."""
    config = SiteConfig.model_validate_json(sys.argv[1]) if len(sys.argv) > 1 else SiteConfig()
    site = Site(config)
    # Parsing sources makes millions of objects and no cycles: rarer collections save a fifth of the time.
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)
    with SiteServer(site) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        sys.stdout.write(f"{server.server_port} {site.digest}\n")
        sys.stdout.flush()
        sys.stdin.buffer.read()
        server.shutdown()


if __name__ == "__main__":
    main()
