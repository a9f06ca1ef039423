"""How text is generated, and how a generated text is cut."""

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
    top_p: Annotated[float, Field(gt=0, le=1, description="share of the probability that is drawn from")] = 1.0
    samples: Annotated[int, Field(ge=1, le=1000, description="answers to each item")] = 1
    seed: Annotated[int, Field(ge=0, description="of all samples; each has a seed of its own made from it")] = 0

    def seed_of(self, item: str, repeat: int) -> int:
        """The seed of one sample (31 bits): another item or another repeat draws another answer."""
        return int(digest_text(f"{self.seed}\n{item}\n{repeat}")[:8], 16) >> 1


def cut(text: str, stop: Sequence[str]) -> tuple[str, bool]:
    """``text`` before the first occurrence of any stop string, and whether one occurs."""
    places = [place for place in (text.find(word) for word in stop) if place >= 0]
    return (text[: min(places)], True) if places else (text, False)


def sent(stop: Sequence[str]) -> list[str]:
    """The stop strings that a server is given: at most four, as many as OpenAI's protocol allows.

    One that begins with another ends no answer sooner and is left out; of the others the first four go, in the suite's
    order. An answer is cut at the rest when it is here (:func:`cut`), so it may take longer and never reads otherwise.
    """
    needed = [
        word for word in dict.fromkeys(stop) if not any(word.startswith(other) for other in stop if other != word)
    ]
    return needed[:MOST_STOPS]
