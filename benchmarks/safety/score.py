"""Precision, recall and F1 of findings beside labels, exact and by overlap, with intervals.

Exact: the same bounds as the label. Overlap: at least one code point in common; a finding that covers a label and half
a page counts, so both are shown. Recall is labels that were met, of all; precision is findings that met a label, of
all. The base texts of planted sets are real and nobody labelled them: of findings there, only those count that touch a
planted value or a decoy, and the precision of the rest is read by people (:mod:`benchmarks.safety.judgements`).
Wilson's interval for both, and for F1 a bootstrap over documents, because findings of one document are not independent.
Cost: milliseconds a set.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.safety.corpora import Label, Text
from benchmarks.safety.kinds import NEAR
from gristmill.evals.statistics.proportions import wilson

RESAMPLES = 1000
SEED = 20261130


@dataclass(frozen=True)
class Found:
    """A finding of an engine in a text, as one of our kinds."""

    text: str
    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Share:
    """A share with its interval and what it is of; ``value`` None: of nothing."""

    value: float | None
    low: float | None
    high: float | None
    n: int

    @classmethod
    def of(cls, hits: int, n: int) -> "Share":
        """With Wilson's interval."""
        if not n:
            return cls(None, None, None, 0)
        interval = wilson(hits, n)
        return cls(round(hits / n, 4), round(interval.low, 4), round(interval.high, 4), n)


@dataclass(frozen=True)
class Scores:
    """How an engine did for one kind in one group of texts."""

    precision: Share
    recall: Share
    f1: Share


@dataclass(frozen=True)
class Counts:
    """One document: labels, those met, findings, those that met a label."""

    labels: int
    met: int
    findings: int
    right: int


Meets = Callable[[Label, Found], bool]


def exact(label: Label, found: Found) -> bool:
    """The same bounds."""
    return (label.start, label.end) == (found.start, found.end)


def overlap(label: Label, found: Found) -> bool:
    """A code point in common."""
    return label.start < found.end and found.start < label.end


def count(text: Text, found: Iterable[Found], kind: str, meets: Meets) -> Counts:
    """What an engine did in one text. Findings near what a data set labels otherwise are left out."""
    labels = [label for label in text.labels if label.kind == kind]
    near = [label for label in text.labels if label.name in NEAR.get(kind, frozenset())]
    marked = [*text.labels, *text.decoys]
    mine = list(found)
    met = sum(any(meets(label, one) for one in mine) for label in labels)
    right = [one for one in mine if any(meets(label, one) for label in labels)]
    wrong = [
        one
        for one in mine
        if one not in right
        and not any(overlap(label, one) for label in near)
        and (text.complete or any(overlap(label, one) for label in marked))
    ]
    return Counts(len(labels), met, len(right) + len(wrong), len(right))


def scores(counts: Sequence[Counts]) -> Scores:
    """Shares over documents, and F1 by bootstrap."""
    table = np.array([(c.labels, c.met, c.findings, c.right) for c in counts], np.int64).reshape(-1, 4)
    labels, met, findings, right = (int(total) for total in table.sum(axis=0))
    rng = np.random.default_rng(SEED)
    f1 = _f1(*table.sum(axis=0, dtype=float))
    low = high = None
    if f1 is not None and len(table):
        weights = rng.multinomial(len(table), np.full(len(table), 1 / len(table)), RESAMPLES)
        drawn = [value for sums in weights @ table if (value := _f1(*map(float, sums))) is not None]
        low, high = (round(float(edge), 4) for edge in np.quantile(drawn, (0.025, 0.975)))
    return Scores(
        Share.of(right, findings),
        Share.of(met, labels),
        Share(None if f1 is None else round(f1, 4), low, high, len(table)),
    )


def _f1(labels: float, met: float, findings: float, right: float) -> float | None:
    if not labels:
        return None
    recall = met / labels
    precision = right / findings if findings else 0.0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def measured(texts: Sequence[Text], found: Mapping[str, Sequence[Found]], kind: str) -> dict[str, Scores]:
    """The scores of one engine for one kind over texts, by way of matching."""
    by_text = {text.key: [one for one in found.get(text.key, ()) if one.kind == kind] for text in texts}
    return {
        name: scores([count(text, by_text[text.key], kind, meets) for text in texts])
        for name, meets in (("exact", exact), ("overlap", overlap))
    }
