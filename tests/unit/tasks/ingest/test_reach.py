"""Remote inputs are asked for before a run begins: what is not there is told, what is busy is left to the run."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.flows.prefect.server import free_port
from gristmill.tasks.ingest.discovery import refuse_missing
from gristmill.tasks.ingest.remote import reach


@contextmanager
def server(status: int, seconds: float = 0.0) -> Iterator[str]:
    """The address of a file of a server that gives this answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            time.sleep(seconds)
            self.send_response(status)
            self.send_header("ETag", '"one"')
            self.send_header("Content-Length", "3")
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{http.server_port}/pages.warc.gz"
        finally:
            http.shutdown()


def test_a_file_that_is_there_passes_and_one_that_is_not_is_a_usage_error() -> None:
    with server(200) as address:
        refuse_missing([address])
    with server(404) as address, pytest.raises(UsageError, match="there is no such file on the server"):
        refuse_missing([address])


def test_where_nobody_answers_a_run_does_not_begin() -> None:
    with pytest.raises(GristmillError, match=r"nobody answers there \(ConnectError.*Check the address"):
        refuse_missing([f"http://127.0.0.1:{free_port()}/pages.warc.gz"])


def test_a_busy_server_and_a_slow_one_are_left_to_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "SECONDS", 0.5)
    with server(503) as address:
        refuse_missing([address])
    with server(200, seconds=1.0) as address:
        refuse_missing([address])


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s4://bucket/pages", "nothing reads s4://"),
        ("memory://no-such-folder/pages.jsonl", "there is no such file or folder in the store"),
        ("memory://no-such-folder/*.jsonl", "nothing in the store matches this pattern"),
        ("cc://CC-MAIN-2026-05", "say which"),
    ],
)
def test_an_address_that_stands_for_nothing_is_a_usage_error(address: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        refuse_missing([address])
