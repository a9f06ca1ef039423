"""A real HTTP server on loopback that answers OpenAI's completions protocol out of a loaded checkpoint.

It computes with transformers directly, not with the adapter's code: one prompt at a time, the whole of it, every time.
``Faults`` makes it fail the ways real servers do. Log-probabilities, offsets and counts have the forms of vLLM 0.32.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from tests.helpers.serving import Quiet, serving


@dataclass
class Faults:
    """How the server misbehaves; may be changed while it runs. ``asked`` keeps every body."""

    statuses: list[int] = field(default_factory=list)  # answered first, one a request
    hang: float = 0.0  # seconds before any answer
    drops: int = 0  # connections closed without an answer
    extra_tokens: int = 0  # tokens that the server puts before every prompt, and counts
    bodies: list[tuple[str, bytes]] = field(default_factory=list)  # kind and bytes answered first, with status 200
    changes: list[Callable[[dict[str, Any]], object]] = field(default_factory=list)  # of the first answers, one each
    change: Callable[[dict[str, Any]], object] | None = None  # of every answer
    most_stops: int = 4
    asked: list[dict[str, Any]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0


class Network:
    """Weights and tokenizer as transformers and tokenizers give them."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model, self.tokenizer, self.lock = model, tokenizer, threading.Lock()
        self.end = model.config.eos_token_id

    @torch.inference_mode()
    def logits(self, ids: list[int]) -> torch.Tensor:
        """Log-probabilities after every position."""
        with self.lock:
            return self.model(torch.tensor([ids])).logits[0].log_softmax(-1)

    def complete(self, body: dict[str, Any], extra: int) -> dict[str, Any]:
        """The body of an answer."""
        given = body["prompt"]
        if isinstance(given, list) and not isinstance(given[0], int):
            (given,) = given  # a list of one prompt
        prompt = [self.end] * extra + (
            given if isinstance(given, list) else self.tokenizer.encode(given, add_special_tokens=False).ids
        )
        ids, text, reason, stop = list(prompt), "", "length", None
        drawn = torch.Generator().manual_seed(body.get("seed", 0))
        while len(ids) - len(prompt) < body["max_tokens"]:
            last = self.logits(ids)[-1]
            if body["temperature"] == 0:
                token = int(last.argmax())
            else:
                token = int(torch.multinomial((last / body["temperature"]).softmax(-1), 1, generator=drawn))
            ids.append(token)
            if token == self.end:
                reason = "stop"
                break
            text = self.tokenizer.decode(ids[len(prompt) :])
            found = [word for word in body.get("stop", []) if word in text]
            if found:
                text, reason, stop = text[: text.index(found[0])], "stop", found[0]
                break
        choice = {"index": 0, "text": text, "finish_reason": reason, "stop_reason": stop, "logprobs": None}
        if body.get("echo"):
            choice["logprobs"] = self.scored(ids)
        usage = {"prompt_tokens": len(prompt), "completion_tokens": len(ids) - len(prompt), "total_tokens": len(ids)}
        return {"object": "text_completion", "choices": [choice], "usage": usage}

    def scored(self, ids: list[int]) -> dict[str, Any]:
        """What ``logprobs: 1`` gives of every token."""
        after = self.logits(ids)
        words = [self.tokenizer.decode([token], skip_special_tokens=False) for token in ids]
        offsets = [sum(map(len, words[:at])) for at in range(len(ids))]
        tops: list[dict[str, float] | None] = [None]
        for at in range(1, len(ids)):
            best = int(after[at - 1].argmax())
            of_own = {words[at]: float(after[at - 1, ids[at]])}
            tops.append(of_own | {self.tokenizer.decode([best]): float(after[at - 1, best])})
        nats = [None, *(float(after[at - 1, ids[at]]) for at in range(1, len(ids)))]
        return {"token_logprobs": nats, "tokens": words, "top_logprobs": tops, "text_offset": offsets}


@contextmanager
def completions_server(network: Network, faults: Faults, name: str = "tiny") -> Iterator[str]:
    """The address of a running server, with ``/v1``."""

    class Handler(Quiet):
        def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
            listed = {"data": [{"id": name, "owned_by": "testers", "max_model_len": 258}]}
            self.send_json(200, {"/v1/models": listed, "/version": {"version": "1.2.3"}}.get(self.path, {}))

        def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            faults.asked.append({**body, "authorization": self.headers.get("Authorization")})
            faults.at_once += 1
            faults.most_at_once = max(faults.most_at_once, faults.at_once)
            time.sleep(faults.hang)
            faults.at_once -= 1
            if faults.drops:
                faults.drops -= 1
                self.close_connection = True
                return
            if faults.statuses:
                self.send_json(faults.statuses.pop(0), {"error": {"message": "not now"}})
                return
            if faults.bodies:
                kind, content = faults.bodies.pop(0)
                coded = {"Content-Encoding": "gzip"} if kind == "gzip" else {"Content-Type": kind}
                self.send_whole(200, content, **coded)
                return
            if len(body.get("stop", [])) > faults.most_stops:
                self.send_json(400, {"error": {"message": f"stop: at most {faults.most_stops} items"}})
                return
            answer = network.complete(body, faults.extra_tokens)
            if faults.changes:
                faults.changes.pop(0)(answer)
            elif faults.change is not None:
                faults.change(answer)
            self.send_json(200, answer)

    with serving(Handler, "completions") as address:
        yield f"{address}/v1"
