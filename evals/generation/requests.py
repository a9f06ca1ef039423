"""Requests: what a suite asks a model, one for each answer to generate or option to score.

The key of a request covers everything that its answer depends on besides the model: prompt, continuation, decoding
settings and seed. Two suites that ask the same share the answer; another prompt, seed or limit is asked separately.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from gristmill.core.digests import digest_json
from gristmill.evals.generation.settings import Generation
from gristmill.evals.scoring.gold import GOLD_PART
from gristmill.evals.suites.items import ChoiceItem, Item
from gristmill.evals.suites.suite import Suite


@dataclass(frozen=True)
class Request:
    """One question: generate when there are ``settings``, else score ``continuation``, which stands for option
    ``part``, or for the gold answer when that is ``GOLD_PART``."""

    item: str
    prompt: str
    settings: Generation | None = None
    repeat: int = 0
    seed: int = 0
    part: int = 0
    continuation: str = ""

    @cached_property
    def key(self) -> str:
        """Digest of everything that the answer depends on, which excludes the names of item and suite."""
        settings = self.settings and self.settings.model_dump(mode="json", exclude={"samples", "seed"})
        seed = self.seed if self.settings is not None and self.settings.temperature else 0
        return digest_json([self.prompt, self.continuation, settings, seed])


def requests_of(suite: Suite) -> list[Request]:
    """Every request of a suite, in the order of its items."""
    return [request for item in suite.items for request in _requests(suite, item)]


def digest_of(requests: Iterable[Request]) -> str:
    """Digest of the requests and their names: equal digests mean equal responses."""
    return digest_json([[request.item, request.repeat, request.part, request.key] for request in requests])


def _requests(suite: Suite, item: Item) -> list[Request]:
    prompt, settings = suite.prompt(item), suite.settings.generation
    gold = suite.gold(item)
    asked = [Request(item.id, gold[0], part=GOLD_PART, continuation=gold[1])] if gold else []
    if isinstance(item, ChoiceItem) and settings is None:
        return [
            Request(item.id, prompt, part=part, continuation=suite.settings.separator + text)
            for part, text in enumerate(suite.shown(item))
        ] + asked
    if settings is None:
        raise ValueError(f"suite {suite.name} has written answers and no generation settings")
    return [
        Request(item.id, prompt, settings, repeat, settings.seed_of(item.id, repeat))
        for repeat in range(settings.samples)
    ] + asked
