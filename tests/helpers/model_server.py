"""A model server on loopback that streams answers at known moments, in the form of OpenAI's protocol.

A token is a word of the prompt plus one for its frame, so an input length can be hit exactly. Moments are counted from
the arrival of a request, so that a late one does not make the next late.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.helpers.serving import Quiet, serving

FRAME = 1


@dataclass
class Pace:
    """How the server answers; may be changed while it runs."""

    #: Seconds from the request to the first piece, and from piece to piece.
    first: float = 0.1
    gap: float = 0.02
    #: Tokens that one piece carries.
    tokens: int = 1
    #: Numbers of the requests (from 0, probes and warm-ups among them) that are answered 500, or cut off.
    refused: frozenset[int] = frozenset()
    cut: frozenset[int] = frozenset()
    usage: bool = True
    asked: list[dict[str, Any]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def model_server(pace: Pace) -> Iterator[str]:
    """The address of the API of a running server."""

    class Handler(Quiet):
        def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
            pages = {"/v1/models": {"data": [{"id": "tiny", "owned_by": "paced"}]}, "/version": {"version": "1.2"}}
            self.send_json(200 if self.path in pages else 404, pages.get(self.path, {}))

        def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
            arrived = time.perf_counter()
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with pace.lock:
                number = len(pace.asked)
                pace.asked.append({**body, "path": self.path})
                pace.at_once += 1
                pace.most_at_once = max(pace.most_at_once, pace.at_once)
            try:
                if number in pace.refused:
                    self.send_json(500, {"error": "out of memory"})
                else:
                    self._stream(arrived, body, cut=number in pace.cut)
            finally:
                with pace.lock:
                    pace.at_once -= 1

        def _stream(self, arrived: float, body: dict[str, Any], *, cut: bool) -> None:
            chat = self.path.endswith("chat/completions")
            text = body["messages"][0]["content"] if chat else body["prompt"]
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            if chat:
                self._event({"choices": [{"delta": {"role": "assistant", "content": ""}}]})
            for piece in range(-(-body["max_tokens"] // pace.tokens)):
                time.sleep(max(0.0, arrived + pace.first + piece * pace.gap - time.perf_counter()))
                words = " word" * pace.tokens
                self._event({"choices": [{"delta": {"content": words}} if chat else {"text": words}]})
                if cut and piece == 1:
                    self.close_connection = True
                    return
            if pace.usage:
                counts = {"prompt_tokens": FRAME + len(text.split()), "completion_tokens": body["max_tokens"]}
                self._event({"choices": [], "usage": counts})
            self._piece(b"data: [DONE]\n\n")
            self._piece(b"")

        def _event(self, event: dict[str, Any]) -> None:
            self._piece(b"data: " + json.dumps(event).encode() + b"\n\n")

        def _piece(self, data: bytes) -> None:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

    with serving(Handler, "model server") as address:
        yield f"{address}/v1"
