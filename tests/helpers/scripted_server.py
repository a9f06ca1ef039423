"""A server on loopback that answers what a test tells it to, without any model behind it.

To a prompt of tokens it counts them; asked for log-probabilities it gives each token of the prompt the same.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.helpers.serving import Quiet, serving


@dataclass
class Script:
    """What a server lists, what its pages say, and what it answers; may be changed while it runs.

    ``answers`` go before ``text``, by prompt of text. ``asked`` keeps every body.
    """

    listed: dict[str, Any] = field(default_factory=lambda: {"id": "m", "owned_by": "testers", "created": 1})
    pages: dict[str, Any] = field(default_factory=lambda: {"/version": {"version": "1.2"}})
    answers: dict[str, str] = field(default_factory=dict)
    text: str = " same"
    lists: int = 200  # the status of its list of models
    list_body: bytes | None = None  # in place of the list
    list_headers: dict[str, str] = field(default_factory=dict)
    finish: str = "stop"
    status: int = 200  # of its completions
    choice: dict[str, Any] = field(default_factory=dict)  # changes to every choice
    filtered: Callable[[dict[str, Any]], bool] = lambda body: False
    asked: list[dict[str, Any]] = field(default_factory=list)

    @property
    def posed(self) -> list[dict[str, Any]]:
        """The requests that a suite makes, which come in tokens."""
        return [body for body in self.asked if isinstance(body["prompt"], list)]


@contextmanager
def scripted_server(script: Script) -> Iterator[str]:
    """The address of a running server, with ``/v1``."""

    class Handler(Quiet):
        def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
            if self.path == "/v1/models" and script.lists != 200:
                self.send_json(script.lists, {})
                return
            if self.path == "/v1/models" and script.list_body is not None:
                self.send_whole(200, script.list_body, **script.list_headers)
                return
            pages = {"/v1/models": {"data": [script.listed]}, **script.pages}
            self.send_json(200 if self.path in pages else 404, pages.get(self.path, {}))

        def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            script.asked.append(body)
            prompt = body["prompt"]
            text = script.answers.get(prompt, script.text) if isinstance(prompt, str) else script.text
            choice: dict[str, Any] = {"text": text, "finish_reason": script.finish}
            if script.filtered(body):
                choice |= {"text": "", "finish_reason": "content_filter"}
            if body.get("echo"):
                nats = [-1.0] * len(prompt)
                tops = [None, *({"x": value} for value in nats)]
                choice["logprobs"] = {"token_logprobs": [None, *nats], "top_logprobs": tops}
            choice |= script.choice
            usage = {"prompt_tokens": len(prompt), "completion_tokens": 2}
            self.send_json(script.status, {} if script.status != 200 else {"choices": [choice], "usage": usage})

    with serving(Handler, "scripted") as address:
        yield f"{address}/v1"
