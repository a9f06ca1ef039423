"""The adapter for servers that speak OpenAI's completions protocol: vLLM, SGLang, llama.cpp and others.

The server gets token ids, made here with the checkpoint's own tokenizer, so a prompt is cut, split and framed exactly
as in the other adapters; it must count as many prompt tokens as were sent. A server that takes only text gets text, and
must then report the same number of tokens and the same characters in the continuation (``text_offset``). Likelihoods
come from the prompt's own log-probabilities (``echo`` with ``logprobs``); each generation has a seed.

No answer is ever made up: a request that fails is retried (:mod:`gristmill.evals.models.completions`), then the run
stops with an error, and the caller keeps the earlier answers. An answer that is not the model's, such as an aborted one
or a log-probability that is not a number, is returned as :class:`gristmill.evals.models.model.Unanswered`.
Requests run on ``concurrency`` threads; their answers keep the order of the questions.
"""

import json
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal, TypeVar

from gristmill.core.errors import GristmillError
from gristmill.evals.admission.checkpoint import Checkpoint
from gristmill.evals.admission.generation_config import GENERATION, GenerationRules, context_of, generation_rules
from gristmill.evals.generation.settings import Generation, cut, sent
from gristmill.evals.models.completion import FINISHED, Choice, Completion
from gristmill.evals.models.completions import Client, ServerConfig, reach
from gristmill.evals.models.decoding.windows import windows
from gristmill.evals.models.echo import Scores, likelihoods, refusal
from gristmill.evals.models.encoding import Encoder
from gristmill.evals.models.model import LogLikelihood, Output, Progress, TextBits, Unanswered
from gristmill.evals.models.server_identity import identity
from gristmill.evals.models.tokenizer import load_specials, load_tokenizer

UNKNOWN_CONTEXT = 2048
Answered = TypeVar("Answered")


class ServedModel:
    """A model behind a server; see :class:`gristmill.evals.models.model.LanguageModel`.

    ``room`` is how many tokens the server takes at once, prompt and answer together. Scoring a token takes two more
    than reading up to it, its own and the one that must be generated, so a server without that room reads less.
    """

    def __init__(
        self,
        client: Client,
        backend: str,
        encoder: Encoder,
        room: int,
        config: ServerConfig,
        rules: GenerationRules | None = None,
    ) -> None:
        self._client, self._config, self.backend = client, config, backend
        self._rules = rules or GenerationRules()
        self._encoder = replace(encoder, context=min(encoder.context, room))
        self._reads = min(encoder.context, room - 2)

    def generate(
        self, prompts: Sequence[str], seeds: Sequence[int], settings: Generation, progress: Progress
    ) -> list[Output | Unanswered]:
        """Continue every prompt as far as the context allows; see ``gristmill.evals.models.encoding``.

        A server of the user's applies generation_config.json as it is configured. One that ignores it is told what ends
        an answer; raises :class:`GristmillError` if the checkpoint has further rules.
        """
        if self._config.plain and self._rules.in_effect:
            raise GristmillError(
                f"{GENERATION} asks for {', '.join(self._rules.in_effect)}, which vLLM cannot do as transformers does. "
                "Answer here (--backend hf), or remove that from the file."
            )
        prepared = self._encoder.prompts(prompts, settings.max_new_tokens)

        stop = sent(settings.stop)
        ends = {"stop_token_ids": sorted(self._encoder.specials.ends)} if self._config.plain else {}

        def answer(position: int) -> Output | Unanswered:
            ids, lost, limit = prepared[position]
            found = self._client.ask(
                {
                    "prompt": ids if self._config.prompts == "tokens" else self._text(prompts[position], ids, lost),
                    "max_tokens": limit,
                    "temperature": settings.temperature,
                    "top_p": settings.top_p,
                    "seed": seeds[position],
                    **({"stop": stop} if stop else {}),
                    **ends,
                }
            )
            if isinstance(found, Unanswered):
                return found
            self._check_count(found, ids)
            choice, tokens = found.choices[0], found.usage.completion_tokens
            if tokens is None:
                raise GristmillError(f"{self._place}: the server does not say how many tokens it made (usage)")
            text, stopped = cut(choice.text or "", settings.stop)
            return Output(text, tokens, _finish(choice, stopped), lost)

        return self._each(answer, range(len(prompts)), "generate", progress)

    def loglikelihood(
        self, pairs: Sequence[tuple[str, str]], progress: Progress, near: Collection[int] = ()
    ) -> list[LogLikelihood | Unanswered]:
        """Score every ``(context, continuation)``. Raises ``ValueError`` for an empty continuation.

        What prompts share is the server's business, so ``near`` makes no difference.
        """
        split = [self._encoder.pair(context, continuation) for context, continuation in pairs]
        texts = [context + continuation for context, continuation in pairs]
        scored = self._score([ids for ids, _ in split], [first for _, first in split], texts, "score", progress)
        return [
            found
            if isinstance(found, Unanswered)
            else LogLikelihood(
                log_probability=math.fsum(found[0]),
                tokens=len(found[0]),
                bytes=len(continuation.encode()),
                greedy=found[1],
                lost=min(first, max(0, len(ids) - self._reads - 1)),
            )
            for found, (ids, first), (_, continuation) in zip(scored, split, pairs, strict=True)
        ]

    def text_bits(self, texts: Sequence[str], progress: Progress) -> list[TextBits]:
        """Score every text from its first token on, in overlapping windows.

        Raises :class:`GristmillError` when one has no score: a mean over the others would be one of a different set.
        """
        rows = [self._encoder.text(text) for text in texts]
        bits = []
        for found, text in zip(self._score(rows, [1] * len(rows), texts, "bits", progress), texts, strict=True):
            if isinstance(found, Unanswered):
                raise GristmillError(f"{self._place}: a text has no bits per byte, because {found.reason}.")
            bits.append(TextBits(-math.fsum(found[0]) / math.log(2), len(text.encode())))
        return bits

    @property
    def _place(self) -> str:
        return self._client.place

    def _score(
        self, rows: Sequence[list[int]], firsts: Sequence[int], texts: Sequence[str], what: str, progress: Progress
    ) -> list[Scores | Unanswered]:
        """For every row: log-probability in nats of each token from its ``first`` on, and whether each is greedy."""
        stride = max(1, round(self._reads * (1 - self._config.overlap)))
        places = [
            (row, window)
            for row, (ids, first) in enumerate(zip(rows, firsts, strict=True))
            for window in windows(first, len(ids), self._reads, stride)
        ]

        def score(place: int) -> Scores | Unanswered:
            row, window = places[place]
            ids, first = rows[row][window.begin : window.end], window.first - window.begin
            if self._config.prompts == "tokens":
                found = self._echo(ids, first, len(ids))
            elif window.begin == 0 and rows[row][: len(self._prefix)] == self._prefix and len(rows[row]) == len(ids):
                found = self._echo(texts[row], first, len(ids))
            else:
                raise GristmillError(
                    f"{self._place}: a text that is scored from its first token on, or is longer than the context, can "
                    "only be asked in tokens. Use a server that takes token ids as prompts."
                )
            if isinstance(found, Unanswered):
                return found
            self._check_count(found, ids)
            if self._config.prompts == "text":
                self._check_characters(found, ids, first)
            return likelihoods(found, first, len(ids))

        joined: list[Scores | Unanswered] = [([], True) for _ in rows]
        for (row, _), found in zip(places, self._each(score, range(len(places)), what, progress), strict=True):
            before = joined[row]
            if isinstance(before, Unanswered) or isinstance(found, Unanswered):
                joined[row] = before if isinstance(before, Unanswered) else found
            else:
                joined[row] = before[0] + found[0], before[1] and found[1]
        return joined

    @property
    def _prefix(self) -> list[int]:
        return list(self._encoder.specials.prefix)

    def _echo(self, prompt: str | list[int], first: int, end: int) -> Completion | Unanswered:
        """The prompt's own log-probabilities. One token is generated, because servers refuse to generate none.

        Raises :class:`GristmillError` for a server without log-probabilities.
        """

        def judge(found: Completion) -> str | None:
            choice = found.choices[0]
            if choice.finish_reason not in (*FINISHED, None):  # the prompt is what counts, not the generated token
                return f"the finish reason is {choice.finish_reason}, which is neither stop nor length"
            if choice.logprobs is None or len(choice.logprobs.token_logprobs) < end:
                raise GristmillError(
                    f"{self._place}: the server gives no log-probabilities for a prompt (echo with logprobs), so "
                    "it cannot score options and texts. Choose suites with written answers, or serve "
                    "with vLLM."
                )
            return refusal(found, first, end)

        return self._client.ask(
            {"prompt": prompt, "max_tokens": 1, "temperature": 0.0, "echo": True, "logprobs": 1}, judge
        )

    def _text(self, prompt: str, ids: list[int], lost: int) -> str:
        return self._encoder.tokenizer.decode(ids[len(self._prefix) :]) if lost else prompt

    def _check_count(self, found: Completion, ids: list[int]) -> None:
        """Raises :class:`GristmillError` unless the server read as many tokens as the checkpoint's tokenizer makes."""
        if found.usage.prompt_tokens != len(ids):
            raise GristmillError(
                f"{self._place}: the server read {found.usage.prompt_tokens} tokens where the checkpoint's tokenizer "
                f"makes {len(ids)}. It serves another model, or puts its own tokens before a prompt; serve the "
                "folder that is evaluated."
            )

    def _check_characters(self, found: Completion, ids: list[int], first: int) -> None:
        """Raises :class:`GristmillError` unless the tokens from ``first`` on have the same characters there as here."""
        logprobs, wanted = found.choices[0].logprobs, self._encoder.tokenizer.decode(ids[first:])
        if logprobs is None or not len(logprobs.tokens) == len(logprobs.text_offset) >= len(ids):
            return  # without offsets, the count must suffice
        if "\ufffd" in wanted + "".join(logprobs.tokens[first : len(ids)]):
            return  # likewise if a token is part of a character
        last = len(ids) - 1
        got = logprobs.text_offset[last] + len(logprobs.tokens[last]) - logprobs.text_offset[first]
        if got != len(wanted):
            raise GristmillError(
                f"{self._place}: the server's last {len(ids) - first} tokens of a prompt have {got} characters, those "
                f"of the checkpoint's tokenizer {len(wanted)}. Serve the folder that is evaluated."
            )

    def _each(
        self, call: Callable[[int], Answered], positions: Sequence[int], what: str, progress: Progress
    ) -> list[Answered]:
        """``call`` for every position, several at once. The first failure cancels the waiting ones."""
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
    """What ended an answer. If a server does not distinguish stop strings from end-of-text, it was the latter."""
    if choice.finish_reason == "length" and not stopped:
        return "length"
    return "stop" if stopped or isinstance(choice.stop_reason, str) else "end"


@contextmanager
def connect(checkpoint: Checkpoint, config: ServerConfig, key: str = "", backend: str = "") -> Iterator[ServedModel]:
    """The model of a server that serves ``checkpoint``.

    ``backend`` says which server that is; when empty, the server is asked for its identity. Raises as :func:`reach`.
    """
    with reach(config, key) as server:
        settings = json.loads((checkpoint.model / "config.json").read_bytes())
        context, room = context_of(settings) or UNKNOWN_CONTEXT, server.listed.get("max_model_len")
        room = room if type(room) is int and room > 0 else context
        tokenizer = load_tokenizer(checkpoint.model)
        encoder = Encoder(tokenizer, load_specials(checkpoint.model, tokenizer), context)
        known = backend or identity(server, config.url)
        rules = generation_rules(checkpoint.model, settings)
        yield ServedModel(server.client, known, encoder, room, config, rules)
