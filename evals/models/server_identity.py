"""Which server gave an answer: what an answer depends on, besides the checkpoint, when a server gives it.

A name proves nothing. Two servers with one name may have different weights, number formats or quantisation, and another
process may serve an address tomorrow. So a server that somebody else runs is identified by its address, by everything
lasting that it says about itself (version, weights, number format, chat template, sampling defaults), and by its greedy
answers to a few fixed prompts. A stored answer is reused only if all of them are the same. Cost: six requests for its
description, and the tokens of :data:`PROMPTS`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from gristmill.core.digests import digest_json
from gristmill.core.errors import GristmillError
from gristmill.evals.models.completion import COMPLETIONS, NO_TEXT, shown
from gristmill.evals.models.completions import Client, Server, ServerConfig, exchange, reach
from gristmill.evals.models.model import Unanswered

ASKING = 2
"""Increase it when requests are made differently, so that older stored answers are not reused."""
TOKENS = 32
PROMPTS = (
    "The sun rose over the harbour, and the first boats",
    "def fibonacci(n):\n",
    "Question: A shop sells pens at 3 for 2 dollars. What do 12 pens cost?\nAnswer:",
    "1, 1, 2, 3, 5, 8, 13,",
    "中国的首都是",
    '{"name": "Ada", "born":',
    "La capitale de la France est",
    "A B C D E F G",
)
"""Every server is asked these greedily, one after the other, so that batching makes no difference."""
LISTED = ("owned_by", "root", "parent", "max_model_len", "meta")
PAGES: Mapping[str, tuple[str, ...]] = {
    "version": ("version",),  # vLLM
    "props": ("build_info", "model_path", "chat_template", "default_generation_settings.params"),  # llama.cpp
    "get_model_info": ("model_path", "tokenizer_path", "weight_version", "preferred_sampling_params"),  # SGLang
    "get_server_info": ("version", "dtype", "quantization", "kv_cache_dtype", "attention_backend", "chat_template"),
}
"""Pages next to ``/v1`` that a server may have, and their values that do not change while it runs."""


def identify(config: ServerConfig, key: str = "") -> str:
    """The server that ``config`` names, and its model; see :func:`identity`.

    Raises what :func:`gristmill.evals.models.completions.reach` does.
    """
    with reach(config, key) as server:
        return identity(server, config.url)


def identity(server: Server, url: str) -> str:
    """A description of a server and its model, ending in a digest of everything that identifies them.

    The address is only in the digest: the description goes into tables, and with them to whoever gets the results.
    Raises :class:`GristmillError` when the server does not answer.
    """
    listed, said, url = server.listed, dict(_said(server.http)), url.rstrip("/")
    known = {key: listed[key] for key in LISTED if listed.get(key) is not None}
    whole = digest_json([ASKING, url, server.name, known, said, fingerprint(server.client)])[:16]
    maker = listed.get("owned_by") or "openai-compatible server"
    version = next((str(values["version"]) for values in said.values() if values.get("version")), "of unknown version")
    formats = [str(values[key]) for values in said.values() for key in ("dtype", "quantization") if values.get(key)]
    stated = ", ".join(formats) or "number format as the server has it"
    return ", ".join([shown(f"{maker} {version}"), f"model {shown(server.name)}", shown(stated), f"identity {whole}"])


def fingerprint(client: Client) -> str:
    """Digest of the greedy answers to :data:`PROMPTS`.

    Raises :class:`GristmillError` when one is not answered: without them the server cannot be identified.
    """
    return digest_json([_answer(client, prompt) for prompt in PROMPTS])


def _answer(client: Client, prompt: str) -> str | None:
    found = client.ask({"prompt": prompt, "max_tokens": TOKENS, "temperature": 0.0, "seed": 0})
    if isinstance(found, Unanswered):
        hint = f"{COMPLETIONS}." if found.reason.startswith(NO_TEXT) else "See what its log says."
        raise GristmillError(
            f"{client.place}: the server does not answer {prompt!r}, because {found.reason}. Its answers to fixed "
            f"prompts distinguish it from other servers, so nothing else was asked. {hint}"
        )
    return found.choices[0].text


class Watch:
    """Checks during a run that a server is still the one that was identified.

    The first check and those with ``whole`` ask for the whole identity; others ask one of :data:`PROMPTS` in turn.
    """

    def __init__(self, config: ServerConfig, key: str, identified: str) -> None:
        self._config, self._key, self._identified = config, key, identified
        self._known: dict[str, str | None] = {}
        self._turn = 0

    def check(self, *, whole: bool = False) -> None:
        """Raises :class:`GristmillError` when another server or model answers now."""
        with reach(self._config, self._key) as server:
            prompt = PROMPTS[self._turn % len(PROMPTS)]
            self._turn += 1
            answer = _answer(server.client, prompt)
            if not whole and prompt in self._known and answer == self._known[prompt]:
                return
            found = identity(server, self._config.url)
            if found != self._identified:
                raise GristmillError(
                    f"{server.client.place}: while it was asked, another model or server took its place (it was "
                    f"{self._identified}, and is {found}), or it does not answer the same twice. What it answered last "
                    "was not kept. Make sure that the server stays, and run again: answers of one are never taken "
                    "for the other's."
                )
            self._known[prompt] = answer


def _said(http: httpx.Client) -> Iterator[tuple[str, dict[str, Any]]]:
    """The contents of the server's pages, by page; empty for a missing page or one that is not JSON."""
    for page, fields in PAGES.items():
        try:
            reply, body = exchange(http, "GET", str(http.base_url.join(f"../{page}")))
            reply.raise_for_status()
            found = json.loads(body)
        except (httpx.HTTPError, ValueError, RecursionError):
            continue
        values = {field: _at(found, field) for field in fields}
        if any(value is not None for value in values.values()):
            yield page, values


def _at(values: Any, path: str) -> Any:
    """The value under keys joined by dots; None if there is none."""
    for key in path.split("."):
        values = values.get(key) if isinstance(values, dict) else None
    return values
