"""The snapshot of decisions that a curation is given: what people settled, by text, as a table of the lake.

People decide in files that grow (``reviews/decisions.jsonl``). A step cannot depend on such a file, so a run takes what
is settled at its start as a source, whose digest is that of the rows: the same decisions give the same bytes, and one
that changes nothing (deferred, the same again, waiting for a second reader) changes no key.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from gristmill.core.config import Config
from gristmill.core.digests import digest_json
from gristmill.core.steps.inputs import source_shard
from gristmill.core.steps.kinds import source_step
from gristmill.schemas.reviews.decision import Decision, standing
from gristmill.schemas.tables import Reviews

NAME = "reviews"


@dataclass(frozen=True)
class SettledDecisions:
    """Rows of ``reviews``, as a source from outside the lake."""

    rows: tuple[tuple[str, int, int, str, str], ...]

    @property
    def name(self) -> str:
        """See :class:`gristmill.core.steps.inputs.Source`."""
        return NAME

    @cached_property
    def digest(self) -> str:
        """See :class:`gristmill.core.steps.inputs.Source`."""
        return digest_json(self.rows)

    @property
    def shard(self) -> str:
        """See :class:`gristmill.core.steps.inputs.Source`."""
        return source_shard(self.name, self.digest)


class TakeReviewsConfig(Config):
    """No settings: how many readers must agree is decided when the source is made."""


def settled(by_text: Mapping[str, Iterable[Decision]], readers: int) -> SettledDecisions:
    """What is settled about each text, when ``readers`` must agree. ``by_text``: the decisions in the order made."""
    rows: list[tuple[str, int, int, str, str]] = []
    for text_hash, decisions in by_text.items():
        decision = standing(decisions, readers).settled
        if decision is not None:
            rows.append((text_hash, 0, 0, "", decision.decision.value))
            spans = {(span.start, span.end): span for span in decision.spans}
            rows += [(text_hash, start, end, span.kind.value, span.decision) for (start, end), span in spans.items()]
    return SettledDecisions(tuple(sorted(rows)))


@source_step("reviews", version=1, writes=(Reviews,))
def take_reviews(source: SettledDecisions, config: TakeReviewsConfig) -> pa.Table:
    """The rows of the source."""
    columns = list(zip(*source.rows, strict=True)) or [()] * len(Reviews.schema)
    names = ("text_hash", "start", "end", "kind", "decision")
    return pa.table({name: list(values) for name, values in zip(names, columns, strict=True)}, schema=Reviews.schema)
