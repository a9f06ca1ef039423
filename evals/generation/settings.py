"""How to generate text, and how to cut it."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.digests import digest_text

MOST_STOPS = 4


class Generation(Config):
    """Greedy decoding unless a temperature is given; cut before the first stop string."""

    max_new_tokens: Annotated[int, Field(ge=1, le=32_768, description="longest answer in tokens")]
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    temperature: Annotated[float, Field(ge=0, le=10, description="0 decodes greedily")] = 0.0
    top_p: Annotated[float, Field(gt=0, le=1, description="share of the probability to sample from")] = 1.0
    samples: Annotated[int, Field(ge=1, le=1000, description="answers per item")] = 1
    seed: Annotated[int, Field(ge=0, description="seed of all samples; each derives its own from it")] = 0

    def seed_of(self, item: str, repeat: int) -> int:
        """The seed of one sample (31 bits): another item or another repeat draws another answer."""
        return int(digest_text(f"{self.seed}\n{item}\n{repeat}")[:8], 16) >> 1


def cut(text: str, stop: Sequence[str]) -> tuple[str, bool]:
    """``text`` before the first occurrence of any stop string, and whether one occurs."""
    places = [place for place in (text.find(word) for word in stop) if place >= 0]
    return (text[: min(places)], True) if places else (text, False)


def sent(stop: Sequence[str]) -> list[str]:
    """The stop strings to send to a server: at most four, as many as OpenAI's protocol allows.

    A stop string that begins with another cannot end an answer sooner and is left out; of the others the first four are
    sent, in the suite's order. Answers are cut at the rest afterwards (:func:`cut`): they may take longer, but are the
    same.
    """
    needed = [
        word for word in dict.fromkeys(stop) if not any(word.startswith(other) for other in stop if other != word)
    ]
    return needed[:MOST_STOPS]
