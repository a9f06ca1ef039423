"""How well readers agree: Krippendorff's alpha on documents and on spans, and F1 of the spans they redact.

Alpha for nominal data, any number of readers, and values that are missing (K. Krippendorff, Computing Krippendorff's
Alpha-Reliability, 2011; the worked examples there are tests): 1 - observed disagreement / disagreement by chance, over
the units that two or more readers judged. F1 of two readers is the share of spans that both marked, exactly, over the
documents that both read; of more readers, the mean over pairs, weighted by spans.

A reader's *first* decision counts, because it was made blind; the standing decision may be a later one. Intervals are
percentiles of a bootstrap over documents. Cost: some milliseconds a resample of a thousand documents.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import TypeVar

import numpy as np
from pydantic import BaseModel, Field

from gristmill.schemas.reviews.decision import Choice, Decision

RESAMPLES = 1000
SEED = 20_261_130
ALL = "all"

Span = tuple[int, int, str]
Unit = TypeVar("Unit")


class ReaderAgreement(BaseModel):
    """How well readers agree about findings of one kind, or about all. None: too little was read by two."""

    kind: str = Field(description="kind of finding; all for every document")
    documents: int = Field(description="documents that two or more readers decided")
    readers: int
    alpha: float | None = Field(description="Krippendorff's alpha of the decisions about documents")
    alpha_low: float | None
    alpha_high: float | None
    span_alpha: float | None = Field(description="Krippendorff's alpha of what becomes of each finding")
    span_alpha_low: float | None
    span_alpha_high: float | None
    span_f1: float | None = Field(description="F1 of the spans that two readers redact")
    span_f1_low: float | None
    span_f1_high: float | None


class Read(BaseModel):
    """One document as its readers decided: ``findings`` are those of the detectors."""

    kinds: frozenset[str]
    findings: tuple[Span, ...]
    decisions: Mapping[str, Decision]


def alpha(units: Iterable[Sequence[Hashable]]) -> float | None:
    """Krippendorff's alpha for nominal data. ``units``: the values that the readers of each unit gave.

    Units with fewer than two values are left out. None without such units; 1 where nobody ever used a second value.
    """
    agreed, total = 0.0, 0
    counted = Counter[Hashable]()
    for values in units:
        if len(values) < 2:
            continue
        of_unit = Counter(values)
        agreed += sum(count * (count - 1) for count in of_unit.values()) / (len(values) - 1)
        counted.update(of_unit)
        total += len(values)
    if not total:
        return None
    by_chance = total * (total - 1) - sum(count * (count - 1) for count in counted.values())
    if not by_chance:
        return 1.0
    return 1 - (total - 1) * (total - agreed) / by_chance


def span_f1(units: Iterable[Sequence[frozenset[Span]]]) -> float | None:
    """F1 over pairs of readers: twice the spans that both have, over all that either has. None without any span."""
    both = either = 0
    for sets in units:
        for one, other in combinations(sets, 2):
            both += 2 * len(one & other)
            either += len(one) + len(other)
    return both / either if either else None


def bootstrap(
    units: Sequence[Unit], statistic: Callable[[list[Unit]], float | None], resamples: int = RESAMPLES
) -> tuple[float | None, float | None]:
    """The 95 % percentile interval of a statistic of ``units``; None where fewer than two units or no value."""
    if len(units) < 2:
        return None, None
    generator = np.random.default_rng(SEED)
    found = []
    for _ in range(resamples):
        value = statistic([units[place] for place in generator.integers(0, len(units), len(units))])
        if value is not None:
            found.append(value)
    if not found:
        return None, None
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def reads_of(by_text: Mapping[str, Iterable[Decision]], findings: Mapping[str, Iterable[Span]]) -> list[Read]:
    """What was read by two or more: the first decision of each reader that is not an arbiter's and did not defer."""
    found = []
    for text_hash, decisions in by_text.items():
        first: dict[str, Decision] = {}
        for decision in decisions:
            if not decision.arbiter and decision.decision is not Choice.DEFER:
                first.setdefault(decision.person, decision)
        if len(first) >= 2:
            places = tuple(findings.get(text_hash, ()))
            marked = {span.kind.value for decision in first.values() for span in decision.spans}
            found.append(
                Read(kinds=frozenset({place[2] for place in places} | marked), findings=places, decisions=first)
            )
    return found


def agreements(reads: Sequence[Read]) -> list[ReaderAgreement]:
    """Over all documents first, then by kind of finding, by name."""
    kinds = sorted({kind for read in reads for kind in read.kinds})
    return [_agreement(ALL, reads)] + [
        _agreement(kind, [read for read in reads if kind in read.kinds]) for kind in kinds
    ]


def _agreement(kind: str, reads: Sequence[Read]) -> ReaderAgreement:
    wanted = None if kind == ALL else kind
    chosen = [[decision.decision for decision in read.decisions.values()] for read in reads]
    fates = [list(_span_values(read, wanted).values()) for read in reads]
    marks = [_redacted(read, wanted) for read in reads]

    def of_spans(documents: list[list[list[str]]]) -> float | None:
        return alpha(values for spans in documents for values in spans)

    intervals = bootstrap(chosen, alpha), bootstrap(fates, of_spans), bootstrap(marks, span_f1)
    return ReaderAgreement(
        kind=kind,
        documents=len(reads),
        readers=len({person for read in reads for person in read.decisions}),
        alpha=alpha(chosen),
        alpha_low=intervals[0][0],
        alpha_high=intervals[0][1],
        span_alpha=of_spans(fates),
        span_alpha_low=intervals[1][0],
        span_alpha_high=intervals[1][1],
        span_f1=span_f1(marks),
        span_f1_low=intervals[2][0],
        span_f1_high=intervals[2][1],
    )


def _span_values(read: Read, kind: str | None) -> dict[Span, list[str]]:
    """What each reader makes of every span that a detector found or a reader marked: the reader's choice for the span,
    or for the document."""
    places = {*read.findings}
    places |= {(span.start, span.end, span.kind.value) for each in read.decisions.values() for span in each.spans}
    values: dict[Span, list[str]] = defaultdict(list)
    for decision in read.decisions.values():
        own = {(span.start, span.end): span.decision for span in decision.spans}
        for place in sorted(places):
            if kind is None or place[2] == kind:
                values[place].append(own.get(place[:2], decision.decision.value))
    return values


def _redacted(read: Read, kind: str | None) -> list[frozenset[Span]]:
    """The spans that each reader redacts; readers who drop the document are left out."""
    sets = []
    for decision in read.decisions.values():
        if decision.decision is Choice.DROP:
            continue
        kept = {(span.start, span.end) for span in decision.spans if span.decision == "keep"}
        marked = {(span.start, span.end, span.kind.value) for span in decision.spans if span.decision == "redact"}
        if decision.decision is Choice.REDACT:
            marked |= {place for place in read.findings if place[:2] not in kept}
        sets.append(frozenset(place for place in marked if kind is None or place[2] == kind))
    return sets
