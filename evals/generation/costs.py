"""What it took to answer a suite: requests, tokens and seconds, from the stored answers.

Each stored answer has its share of the seconds of its batch. So a run that was interrupted and continued in another
process counts all of its seconds once, and a run that found its answers stored has the seconds of the first run. Token
counts are reproducible, so they are data; seconds depend on the machine and the moment, and are only logged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from gristmill.evals.generation.requests import Request
from gristmill.evals.generation.responses import ResponseStore


@dataclass(frozen=True)
class Asked:
    """Totals over the requests of a suite, each counted once. ``seconds`` is None if an answer has no time."""

    requests: int
    generated: int
    scored: int
    lost: int
    truncated: float | None
    seed: int | None
    seconds: float | None

    def columns(self) -> Mapping[str, int | float | None]:
        """Those of table ``eval_runs``."""
        return {
            "requests": self.requests,
            "generated": self.generated,
            "scored": self.scored,
            "lost": self.lost,
            "truncated": self.truncated,
            "seed": self.seed,
        }


def asked(requests: Sequence[Request], store: ResponseStore) -> Asked:
    """What the answers to ``requests`` took. Raises ``KeyError`` unless all of them are stored."""
    answers = [store[key] for key in dict.fromkeys(request.key for request in requests)]
    written = [answer for answer in answers if answer.finish != "scored"]
    seconds = [answer.seconds for answer in answers]
    settings = next((request.settings for request in requests if request.settings is not None), None)
    return Asked(
        requests=len(answers),
        generated=sum(answer.tokens for answer in written),
        scored=sum(answer.tokens for answer in answers if answer.finish == "scored"),
        lost=sum(answer.lost for answer in answers),
        truncated=sum(answer.finish == "length" for answer in written) / len(written) if written else None,
        seed=settings.seed if settings is not None and settings.temperature else None,
        seconds=None if None in seconds else sum(value for value in seconds if value is not None),
    )


def shortened(responses: pa.Table, limit: int) -> int:
    """How many written answers ended below the suite's ``limit`` because the model's context was full."""
    full = pc.and_(pc.equal(responses["finish"], "length"), pc.less(responses["tokens"], limit))
    return int(pc.sum(full).as_py() or 0)


def per_correct(
    correct: float, seconds: float | None, tokens: int, *, hour: float | None = None, million: float | None = None
) -> float | None:
    """Cost of one correct answer, given a price per machine ``hour`` or per ``million`` tokens; None if undefined.

    ``correct`` is the sum of the values of the answers, so half a right answer counts half.
    """
    if correct <= 0:
        return None
    if million is not None:
        return million * tokens / 1e6 / correct
    return None if hour is None or seconds is None else hour * seconds / 3600 / correct
