"""What evaluation needs from a language model. Adapters implement the protocol; graders and suites see nothing else.

An adapter is deterministic: the same checkpoint, settings and list of prompts give the same answers. Answers are in the
order of the questions, whatever order it computes in.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from gristmill.core.errors import GristmillError
from gristmill.evals.generation.settings import Generation

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and how many there are."""


@dataclass(frozen=True)
class Output:
    """A continuation, cut before the first stop string.

    ``finish`` says what ended it: a stop string, the end-of-text token, or the length limit. ``lost`` counts the tokens
    cut off the start of a prompt that did not fit the model's context.
    """

    text: str
    tokens: int
    finish: Literal["stop", "end", "length"]
    lost: int = 0


@dataclass(frozen=True)
class LogLikelihood:
    """The probability of a continuation after its context.

    ``log_probability`` is in nats, over ``tokens`` tokens and ``bytes`` UTF-8 bytes of the continuation; ``greedy``
    says that greedy decoding would give it; ``lost`` counts the context tokens that did not fit.
    """

    log_probability: float
    tokens: int
    bytes: int
    greedy: bool
    lost: int = 0

    def __post_init__(self) -> None:
        """Raise :class:`GristmillError` if it is not a number, whichever adapter gave it, since it would be ranked."""
        _check_number(self.log_probability, "log-probability")


@dataclass(frozen=True)
class Unanswered:
    """No answer from the model after every attempt: a failure of whatever runs it, never a score.

    ``reason`` says what came instead.
    """

    reason: str


@dataclass(frozen=True)
class TextBits:
    """The code length of a text under the model, and its UTF-8 bytes."""

    bits: float
    bytes: int

    def __post_init__(self) -> None:
        """Raise :class:`GristmillError` if it is not a number, whichever adapter gave it, since it would be summed."""
        _check_number(self.bits, "code length")


class LanguageModel(Protocol):
    """A loaded model."""

    @property
    def backend(self) -> str:
        """Adapter and versions, number format, device: what a score depends on besides the checkpoint."""

    def generate(
        self, prompts: Sequence[str], seeds: Sequence[int], settings: Generation, progress: Progress
    ) -> Sequence[Output | Unanswered]:
        """Continue every prompt: greedily at temperature 0, else sampled with the prompt's own seed."""

    def loglikelihood(
        self, pairs: Sequence[tuple[str, str]], progress: Progress, near: Collection[int] = ()
    ) -> Sequence[LogLikelihood | Unanswered]:
        """Score every ``(context, continuation)``. Raises ``ValueError`` for an empty continuation.

        The rounding of scores at the positions ``near`` may depend on what else is asked, if that saves work.
        """

    def text_bits(self, texts: Sequence[str], progress: Progress) -> list[TextBits]:
        """Score every text whole, from its first token on; a text longer than the context in overlapping windows."""


def _check_number(value: float, what: str) -> None:
    if not math.isfinite(value):
        raise GristmillError(
            f"the model gave a {what} that is not a number ({value}), so there is no score. Try another number "
            "format (--dtype), or submit an earlier checkpoint."
        )


def silent(what: str, done: int, total: int) -> None:
    """No progress display."""
