"""Which items of a suite occur in a corpus, and what a checkpoint scores without them.

Reads ``item_labels`` and ``contamination`` (written by ``gristmill contamination``) through the view
``item_contamination``. A label counts for a checkpoint when it is for the version of the suite that the checkpoint was
evaluated on, and for a named corpus or that checkpoint's own training data: what another checkpoint saw does not count.
Clean scores are computed on request, so they follow every new grade and label. Cost: a scan of a suite's labels, and
for scores one of its samples.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from gristmill.evals.statistics.domain import domain_difference
from gristmill.evals.statistics.interval import Interval, within
from gristmill.evals.statistics.means import mean
from gristmill.evals.statistics.ratio import cluster_codes
from gristmill.warehouse.connection import Warehouse

Label = Literal["clean", "short", "input", "answer"]
Seen = Literal["clean", "input", "answer", "short", "unexamined"]
"""The worst label of an item over all searched corpora; ``unexamined`` when none was searched."""
CLEAN: Label = "clean"

EXAMINED = """
    SELECT * FROM item_contamination
    WHERE suite = $suite AND suite_digest = $digest
        AND (checkpoint IS NULL OR checkpoint IN (SELECT unnest($checkpoints::VARCHAR[])))
"""
"""The labels that count for ``$checkpoints``, one row per item and corpus."""
WORST = f"""
    SELECT item, max(label::ENUM('clean', 'short', 'input', 'answer'))::VARCHAR AS seen FROM ({EXAMINED}) GROUP BY item
"""  # noqa: S608 - a constant of this module
"""The worst label of each item that was examined."""


class Examined(BaseModel):
    """How much of an item one corpus contains, and the closest match."""

    corpus: str
    checkpoint: str | None = Field(description="whose training data the corpus is; null for a named corpus")
    label: Label
    passage: bool = Field(description="the item's passage occurs there, with or without its question")
    documents: int = Field(description="documents with the input")
    score: float = Field(description="highest score of a match; 0 if there is none")
    doc_id: str | None = Field(description="document of that match")
    url: str | None = Field(description="its address, if this lake has the document")
    source: str | None = Field(description="the corpus or source the document belongs to")
    form: str | None = Field(description="what was found: question, or options (the question with all of them)")
    start: int | None = Field(description="first code point of the match")
    end: int | None = Field(description="one past the last")
    similarity: float | None = Field(description="share of the words that occur there, rare ones weighing more")
    answer: float | None = Field(description="share of a right answer that occurs nearby")


class Ends(BaseModel):
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


class CleanScore(BaseModel):
    """What a checkpoint scores on all items of a suite, and on those that a corpus does not contain."""

    corpus: str
    own: bool = Field(description="whether the corpus is what the checkpoint was trained on")
    convention: str
    metric: str
    headline: bool
    items: int
    clean_items: int
    whole: Ends
    clean: Ends
    difference: Ends = Field(description="all minus clean: above 0 when seen items are answered better")


class CorpusLabels(BaseModel):
    """How many items of a suite a corpus contains."""

    corpus: str
    own: bool = Field(description="whether the corpus is what the checkpoint was trained on")
    clean: int
    input: int = Field(description="the input is there")
    answer: int = Field(description="the input is there with a right answer")
    short: int = Field(description="too few words to tell from ordinary text")
    score: CleanScore | None = Field(
        description="under the requested convention; null if no item or every item is clean"
    )


def examined(
    warehouse: Warehouse, suite: str, digest: str, checkpoints: Sequence[str], items: Sequence[str]
) -> dict[str, list[Examined]]:
    """By item, what each corpus contains of it, the worst first. Leaves out items that were not examined."""
    rows = warehouse.query(
        f"""
        WITH known AS (
            SELECT * FROM ({EXAMINED}) WHERE item IN (SELECT unnest($items::VARCHAR[]))
        ), document AS (
            SELECT doc_id, min(url) AS url FROM documents WHERE doc_id IN (SELECT doc_id FROM known) GROUP BY doc_id
        )
        SELECT known.* EXCLUDE (suite, suite_digest), document.url FROM known LEFT JOIN document USING (doc_id)
        ORDER BY item, label::ENUM('clean', 'short', 'input', 'answer') DESC, corpus
        """,  # noqa: S608 - a constant of this module
        {"suite": suite, "digest": digest, "checkpoints": list(checkpoints), "items": list(items)},
    )
    found: dict[str, list[Examined]] = {}
    for row in rows:
        found.setdefault(row["item"], []).append(Examined.model_validate(row))
    return found


def suite_digest(warehouse: Warehouse, suite: str, checkpoint: str) -> str:
    """The version of the suite that the checkpoint was evaluated on; empty when it was not."""
    rows = warehouse.query(
        "SELECT suite_digest FROM eval_runs WHERE suite = $suite AND checkpoint = $checkpoint",
        {"suite": suite, "checkpoint": checkpoint},
    )
    return str(rows[0]["suite_digest"]) if rows else ""


def corpora(warehouse: Warehouse, suite: str, checkpoint: str, convention: str) -> list[CorpusLabels]:
    """The corpora that were searched for the items of a suite and that count for the checkpoint."""
    rows = warehouse.query(
        f"""
        SELECT corpus, checkpoint IS NOT NULL AS own, count(*) FILTER (label = 'clean') AS clean,
            count(*) FILTER (label = 'input') AS input, count(*) FILTER (label = 'answer') AS answer,
            count(*) FILTER (label = 'short') AS short
        FROM ({EXAMINED}) GROUP BY corpus, own ORDER BY own DESC, corpus
        """,  # noqa: S608 - a constant of this module
        {"suite": suite, "digest": suite_digest(warehouse, suite, checkpoint), "checkpoints": [checkpoint]},
    )
    scores = {(score.corpus, score.own): score for score in clean_scores(warehouse, suite, checkpoint, convention)}
    return [CorpusLabels.model_validate(row | {"score": scores.get((row["corpus"], row["own"]))}) for row in rows]


def clean_scores(warehouse: Warehouse, suite: str, checkpoint: str, convention: str | None = None) -> list[CleanScore]:
    """The scores of a checkpoint on a suite with and without the items that each corpus contains, headlines first.

    Splits only means over items (accuracy, exact match, F1, pass@1), neither pass@k nor bits per byte. If fewer than
    two items are clean, or all are, there is nothing to compare.
    """
    rows = warehouse.query(
        f"""
        SELECT score.convention, score.metric, score.headline, score.value, score.low, score.high, known.corpus,
            known.checkpoint IS NOT NULL AS own, list(answer.value ORDER BY answer.item) AS answers,
            list(answer.cluster ORDER BY answer.item) AS clusters,
            list(coalesce(known.label = 'clean', false) ORDER BY answer.item) AS chosen
        FROM scores AS score
        JOIN (
            SELECT convention, item, any_value(cluster) AS cluster, avg(value) AS value FROM samples
            WHERE suite = $suite AND checkpoint = $checkpoint AND weight > 0 GROUP BY convention, item
        ) AS answer ON answer.convention = score.convention
        JOIN ({EXAMINED}) AS known ON known.item = answer.item
        WHERE score.suite = $suite AND score.checkpoint = $checkpoint AND score.subset = 'all'
            AND score.higher_is_better AND (score.metric = 'pass@1' OR NOT starts_with(score.metric, 'pass@'))
            AND ($convention IS NULL OR score.convention = $convention)
        GROUP BY ALL ORDER BY score.headline DESC, score.convention, own DESC, known.corpus
        """,  # noqa: S608 - a constant of this module
        {
            "suite": suite,
            "checkpoint": checkpoint,
            "convention": convention,
            "digest": suite_digest(warehouse, suite, checkpoint),
            "checkpoints": [checkpoint],
        },
    )
    return [_clean_score(row) for row in rows if has_error_bar(row["chosen"], row["clusters"])]


def has_error_bar(chosen: Sequence[bool], clusters: Sequence[str]) -> bool:
    """Whether the clean items are some and not all, and in more than one passage, so that a difference has an error."""
    return 2 <= sum(chosen) < len(chosen) and int(cluster_codes(clusters).max()) > 0


def _clean_score(row: dict[str, Any]) -> CleanScore:
    values, chosen = np.asarray(row["answers"], dtype=np.float64), np.asarray(row["chosen"], dtype=np.bool_)
    inside = [cluster for cluster, clean in zip(row["clusters"], row["chosen"], strict=True) if clean]
    return CleanScore(
        corpus=row["corpus"],
        own=row["own"],
        convention=row["convention"],
        metric=row["metric"],
        headline=row["headline"],
        items=values.size,
        clean_items=len(inside),
        whole=Ends(value=row["value"], low=row["low"], high=row["high"]),
        clean=_ends(mean(values[chosen], inside).interval),
        difference=_ends(within(domain_difference(values, chosen, row["clusters"]), -1.0, 1.0)),
    )


def _ends(found: Interval) -> Ends:
    return Ends(value=found.value, low=found.low, high=found.high)
