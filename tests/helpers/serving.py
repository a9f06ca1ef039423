"""Real HTTP servers on loopback for the time of a block: what a test's server is besides its answers."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

POLL_SECONDS = 0.02
"""How soon a server notices that it is to stop."""


class Quiet(BaseHTTPRequestHandler):
    """Keeps connections open between requests and says nothing."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def send_whole(self, code: int, body: bytes = b"", **headers: str) -> None:
        """An answer of known length."""
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_json(self, code: int, value: object) -> None:
        """A value as JSON."""
        self.send_whole(code, json.dumps(value).encode(), **{"Content-Type": "application/json"})


class Server(ThreadingHTTPServer):
    """Takes as many connections as a test makes."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is none."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], name: str) -> Iterator[str]:
    """The address of a running server, without a slash at its end. ``name`` is that of its thread."""
    with Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), name=name)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
