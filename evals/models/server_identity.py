"""Which server gave an answer: what of a server, besides the checkpoint it holds, an answer depends on.

A name proves nothing. Two servers of one name may hold other weights, other number formats or another quantisation, and
one address may be served by another process tomorrow. So a server that somebody else runs is known by its address,
by everything that it says of itself and that lasts (version, weights, number format, chat template, defaults of
sampling), and by its greedy answers to a few fixed prompts, which no name gives. An answer is found again only where
all of them are the same. Cost: six requests for what it says, and the tokens of :data:`PROMPTS`.
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
"""Raise when requests are made otherwise, so that stored answers to the earlier ones are not found again."""
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
"""What every server is asked greedily, one after the other, so that its batches make no difference."""
LISTED = ("owned_by", "root", "parent", "max_model_len", "meta")
PAGES: Mapping[str, tuple[str, ...]] = {
    "version": ("version",),  # vLLM
    "props": ("build_info", "model_path", "chat_template", "default_generation_settings.params"),  # llama.cpp
    "get_model_info": ("model_path", "tokenizer_path", "weight_version", "preferred_sampling_params"),  # SGLang
    "get_server_info": ("version", "dtype", "quantization", "kv_cache_dtype", "attention_backend", "chat_template"),
}
"""Pages beside ``/v1`` that a server may have, and what of them lasts while it runs."""


def identify(config: ServerConfig, key: str = "") -> str:
    """The server that ``config`` names, and its model; see :func:`identity`.

    Raises what :func:`gristmill.evals.models.completions.reach` does.
    """
    with reach(config, key) as server:
        return identity(server, config.url)


def identity(server: Server, url: str) -> str:
    """A server and its model in words, ending in a digest of all that tells them from others.

    The address is in the digest alone: the words go into tables, and with them to whoever is given results.
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

    Raises :class:`GristmillError` when one is not answered: without them nobody knows who answers the others.
    """
    return digest_json([_answer(client, prompt) for prompt in PROMPTS])


def _answer(client: Client, prompt: str) -> str | None:
    found = client.ask({"prompt": prompt, "max_tokens": TOKENS, "temperature": 0.0, "seed": 0})
    if isinstance(found, Unanswered):
        hint = f"{COMPLETIONS}." if found.reason.startswith(NO_TEXT) else "See what its log says."
        raise GristmillError(
            f"{client.place}: the server does not answer {prompt!r}, because {found.reason}. Its answers to fixed "
            f"prompts are how it is told from another server, so nothing else was asked. {hint}"
        )
    return found.choices[0].text


class Watch:
    """Whether a server is the one that it was when it was identified, asked again while a run goes on.

    The whole identity is asked for first and where ``whole`` says so, one of :data:`PROMPTS` in turn otherwise.
    """

    def __init__(self, config: ServerConfig, key: str, identified: str) -> None:
        self._config, self._key, self._identified = config, key, identified
        self._known: dict[str, str | None] = {}
        self._turn = 0

    def check(self, *, whole: bool = False) -> None:
        """Raises :class:`GristmillError` when another server, or another model, answers now."""
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
                    "was not kept. See that one server stays, and run again: answers of the one are never taken for "
                    "the other's."
                )
            self._known[prompt] = answer


def _said(http: httpx.Client) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the server's pages say, by page. One that it does not have, or that is no JSON, says nothing."""
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
    """The value under keys joined by dots; None where there is none."""
    for key in path.split("."):
        values = values.get(key) if isinstance(values, dict) else None
    return values
