"""The adapter for servers that speak OpenAI's completions protocol: vLLM, SGLang, llama.cpp and others.

The server is given token ids, made here with the checkpoint's own tokenizer, so a prompt is cut, split and framed
exactly as in the other adapters; it must count as many prompt tokens as were sent. A server that takes only text gets
text, and must then find the same number of tokens and the same characters in the continuation (``text_offset``).
Likelihoods come out of the prompt's own log-probabilities (``echo`` with ``logprobs``), generations carry a seed each.

No answer is ever made up: a request that fails is tried again (:mod:`evals.completions`), then the run stops with an
error, and what was answered before is kept by the caller. Requests run on ``concurrency`` threads; their answers keep
the order of the questions.
"""

import json
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal, TypeVar

import httpx
import numpy as np

from evals.checkpoint import Checkpoint
from evals.completions import Choice, Client, Completion, ServerConfig, describe, models_of
from evals.encoding import Encoder
from evals.generation import Generation, cut
from evals.model import LogLikelihood, Output, Progress, TextBits
from evals.tokenizer import load_specials, load_tokenizer
from evals.windows import windows
from schemas.errors import GristmillError, UsageError

UNKNOWN_CONTEXT = 2048

Answered = TypeVar("Answered")


class ServedModel:
    """A model behind a server; see :class:`evals.model.LanguageModel`.

    ``room`` is what the server takes at once, prompt and answer together, in tokens. To score a token takes two more
    than to read up to it, its own and the one that must be generated, so a server without that room reads less.
    """

    def __init__(self, client: Client, backend: str, encoder: Encoder, room: int, config: ServerConfig) -> None:
        self._client, self._config, self.backend = client, config, backend
        self._encoder = replace(encoder, context=min(encoder.context, room))
        self._reads = min(encoder.context, room - 2)

    def generate(
        self, prompts: Sequence[str], seeds: Sequence[int], settings: Generation, progress: Progress
    ) -> list[Output]:
        """Continue every prompt, as far as the context allows (:meth:`evals.encoding.Encoder.prompts`)."""
        prepared = self._encoder.prompts(prompts, settings.max_new_tokens)

        def answer(position: int) -> Output:
            ids, lost, limit = prepared[position]
            found = self._client.ask(
                {
                    "prompt": ids if self._config.prompts == "tokens" else self._text(prompts[position], ids, lost),
                    "max_tokens": limit,
                    "temperature": settings.temperature,
                    "top_p": settings.top_p,
                    "seed": seeds[position],
                    **({"stop": list(settings.stop)} if settings.stop else {}),
                }
            )
            self._check_count(found, ids)
            choice, tokens = found.choices[0], found.usage.completion_tokens
            if tokens is None:
                raise GristmillError(f"{self._place}: the server does not say how many tokens it made (usage)")
            text, stopped = cut(choice.text, settings.stop)
            return Output(text, tokens, _finish(choice, stopped), lost)

        return self._each(answer, range(len(prompts)), "generate", progress)

    def loglikelihood(
        self, pairs: Sequence[tuple[str, str]], progress: Progress, near: Collection[int] = ()
    ) -> list[LogLikelihood]:
        """Score every ``(context, continuation)``. Raises ``ValueError`` for an empty continuation.

        What prompts share is the server's business, so ``near`` makes no difference.
        """
        split = [self._encoder.pair(context, continuation) for context, continuation in pairs]
        texts = [context + continuation for context, continuation in pairs]
        scored = self._score([ids for ids, _ in split], [first for _, first in split], texts, "score", progress)
        return [
            LogLikelihood(
                log_probability=float(nats.sum()),
                tokens=len(nats),
                bytes=len(continuation.encode()),
                greedy=greedy,
                lost=min(first, max(0, len(ids) - self._reads - 1)),
            )
            for (nats, greedy), (ids, first), (_, continuation) in zip(scored, split, pairs, strict=True)
        ]

    def text_bits(self, texts: Sequence[str], progress: Progress) -> list[TextBits]:
        """Score every text from its first token on, in overlapping windows."""
        rows = [self._encoder.text(text) for text in texts]
        scored = self._score(rows, [1] * len(rows), texts, "bits", progress)
        return [
            TextBits(-float(nats.sum()) / math.log(2), len(text.encode()))
            for (nats, _), text in zip(scored, texts, strict=True)
        ]

    @property
    def _place(self) -> str:
        return self._client.place

    def _score(
        self, rows: Sequence[list[int]], firsts: Sequence[int], texts: Sequence[str], what: str, progress: Progress
    ) -> list[tuple[np.ndarray, bool]]:
        """For every row: log-probability in nats of each token from its ``first`` on, and whether all are greedy."""
        stride = max(1, round(self._reads * (1 - self._config.overlap)))
        places = [
            (row, window)
            for row, (ids, first) in enumerate(zip(rows, firsts, strict=True))
            for window in windows(first, len(ids), self._reads, stride)
        ]

        def score(place: int) -> tuple[list[float], bool]:
            row, window = places[place]
            ids, first = rows[row][window.begin : window.end], window.first - window.begin
            if self._config.prompts == "tokens":
                found = self._echo(ids)
            elif window.begin == 0 and rows[row][: len(self._prefix)] == self._prefix and len(rows[row]) == len(ids):
                found = self._echo(texts[row])
                self._check_characters(found, ids, first)
            else:
                raise GristmillError(
                    f"{self._place}: a text that is scored from its first token on, or is longer than the context, can "
                    "only be asked in tokens. Use a server that takes token ids as prompts."
                )
            self._check_count(found, ids)
            return self._likelihoods(found, first, len(ids))

        scored = self._each(score, range(len(places)), what, progress)
        nats: list[list[float]] = [[] for _ in rows]
        greedy = [True] * len(rows)
        for (row, _), (values, likeliest) in zip(places, scored, strict=True):
            nats[row] += values
            greedy[row] &= likeliest
        return [(np.array(values, dtype=np.float64), likeliest) for values, likeliest in zip(nats, greedy, strict=True)]

    @property
    def _prefix(self) -> list[int]:
        return list(self._encoder.specials.prefix)

    def _echo(self, prompt: str | list[int]) -> Completion:
        """The prompt's own log-probabilities. One token is generated, as servers refuse to generate none."""
        return self._client.ask({"prompt": prompt, "max_tokens": 1, "temperature": 0.0, "echo": True, "logprobs": 1})

    def _text(self, prompt: str, ids: list[int], lost: int) -> str:
        return self._encoder.tokenizer.decode(ids[len(self._prefix) :]) if lost else prompt

    def _likelihoods(self, found: Completion, first: int, end: int) -> tuple[list[float], bool]:
        """Of tokens ``first .. end - 1``: the log-probabilities, and whether no other token was likelier."""
        logprobs = found.choices[0].logprobs
        if logprobs is None or len(logprobs.token_logprobs) < end:
            raise GristmillError(
                f"{self._place}: the server gives no log-probabilities of a prompt (echo with logprobs), so options "
                "and texts cannot be scored there. Choose suites that are answered in writing, or serve with vLLM."
            )
        values = logprobs.token_logprobs[first:end]
        if any(value is None or not math.isfinite(value) or value > 0 for value in values):
            raise GristmillError(f"{self._place}: the server gave a log-probability that is none: {values}")
        tops = (logprobs.top_logprobs or [])[first:end]
        greedy = len(tops) == len(values) and all(
            bool(top) and value is not None and value >= max((top or {}).values())
            for value, top in zip(values, tops, strict=True)
        )
        return [value for value in values if value is not None], greedy

    def _check_count(self, found: Completion, ids: list[int]) -> None:
        """Raises :class:`GristmillError` unless the server read as many tokens as the checkpoint's tokenizer makes."""
        if found.usage.prompt_tokens != len(ids):
            raise GristmillError(
                f"{self._place}: the server read {found.usage.prompt_tokens} tokens where the checkpoint's tokenizer "
                f"makes {len(ids)}. It serves another model, or puts tokens of its own before a prompt; serve the "
                "folder that is evaluated."
            )

    def _check_characters(self, found: Completion, ids: list[int], first: int) -> None:
        """Raises :class:`GristmillError` unless the tokens from ``first`` on hold the same characters there as here."""
        logprobs, wanted = found.choices[0].logprobs, self._encoder.tokenizer.decode(ids[first:])
        if logprobs is None or not len(logprobs.tokens) == len(logprobs.text_offset) >= len(ids):
            return  # without offsets the count has to do
        if "\ufffd" in wanted + "".join(logprobs.tokens[first : len(ids)]):
            return  # so it has where a token is a part of a character
        last = len(ids) - 1
        got = logprobs.text_offset[last] + len(logprobs.tokens[last]) - logprobs.text_offset[first]
        if got != len(wanted):
            raise GristmillError(
                f"{self._place}: the server's last {len(ids) - first} tokens of a prompt hold {got} characters, those "
                f"of the checkpoint's tokenizer {len(wanted)}. Serve the folder that is evaluated."
            )

    def _each(
        self, call: Callable[[int], Answered], positions: Sequence[int], what: str, progress: Progress
    ) -> list[Answered]:
        """``call`` of every position, some at once. The first failure ends the waiting ones."""
        with ThreadPoolExecutor(self._config.concurrency) as pool:
            waiting = [pool.submit(call, position) for position in positions]
            try:
                for done, future in enumerate(as_completed(waiting), start=1):
                    future.result()
                    progress(what, done, len(waiting))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            return [future.result() for future in waiting]


def _finish(choice: Choice, stopped: bool) -> Literal["stop", "end", "length"]:
    """What ended an answer. A server that does not tell a stop string from the end-of-text token means the latter."""
    if choice.finish_reason == "length" and not stopped:
        return "length"
    return "stop" if stopped or isinstance(choice.stop_reason, str) else "end"


@contextmanager
def connect(checkpoint: Checkpoint, config: ServerConfig, key: str = "", backend: str = "") -> Iterator[ServedModel]:
    """The model of a server that holds ``checkpoint``.

    ``key`` is sent as the bearer token. ``backend`` says what the caller knows of the server; what the server says of
    itself is used otherwise. Raises :class:`UsageError` for a model that the server does not have, and
    :class:`GristmillError` when nothing answers.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url = config.url.rstrip("/") + "/"
    limits = httpx.Limits(max_connections=config.concurrency, max_keepalive_connections=config.concurrency)
    with httpx.Client(base_url=url, headers=headers, timeout=config.timeout, limits=limits) as http:
        listed = models_of(http, config)
        name = config.model or (next(iter(listed)) if len(listed) == 1 else "")
        if not name or (listed and name not in listed):
            there = ", ".join(listed) or "no model that it names"
            raise UsageError(f"{config.url}: name the model to ask with --model: the server has {there}")
        served = listed.get(name, {})
        settings = json.loads((checkpoint.model / "config.json").read_bytes())
        context, room = settings.get("max_position_embeddings"), served.get("max_model_len")
        context = context if isinstance(context, int) else UNKNOWN_CONTEXT
        room = room if isinstance(room, int) else context
        tokenizer = load_tokenizer(checkpoint.model)
        encoder = Encoder(tokenizer, load_specials(checkpoint.model, tokenizer), context)
        yield ServedModel(Client(http, name, config), backend or describe(http, name, served), encoder, room, config)
