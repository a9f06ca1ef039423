"""Samples of what the policy kept and dropped, and what they say about its errors.

Documents are drawn at random within stratum (kept or dropped by safety rules) and domain, in proportion to their
numbers and at least one of each. An error rate is the mean of the groups' rates, weighted by how many documents of the
corpus are in each, so that it holds for the corpus and not for the mixture of the sample. Its interval is Clopper and
Pearson's for the effective number of documents read (Korn and Graubard, Survey Methodology 24, 1998), which is honest
where no error was seen and where few were read of a large group.

* kept: a person drops the document, or redacts a span that the policy left;
* dropped: a person keeps the document, or only redacts.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import xxhash
from pydantic import BaseModel, Field

from gristmill.core.errors import UsageError
from gristmill.core.hints import on_lake
from gristmill.schemas.reviews.decision import Choice, Decision, Stratum, standing
from gristmill.schemas.reviews.records import ReviewSample, SampledDocument, StratumSize
from gristmill.warehouse.connection import Warehouse

STRATA: tuple[Stratum, ...] = ("kept", "dropped")
POPULATION = """
    SELECT 'kept' AS stratum, coalesce(curated.domain, 'unknown') AS domain, document.text_hash,
        min(document.doc_id) AS doc_id
    FROM curated JOIN documents AS document USING (doc_id, record_uri)
    WHERE document.source = $source GROUP BY ALL
    UNION ALL
    SELECT 'dropped', coalesce(domain.domain, 'unknown'), document.text_hash, min(document.doc_id)
    FROM verdicts JOIN documents AS document USING (doc_id, shard)
    LEFT JOIN signals_domain AS domain USING (doc_id, shard)
    WHERE document.source = $source AND verdicts.stage = 'review' AND NOT verdicts.kept AND verdicts.rule LIKE 'drop:%'
    GROUP BY ALL
"""


class ErrorRate(BaseModel):
    """How often the policy is wrong about the documents of one stratum of a source, and how many those are."""

    source: str
    stratum: str = Field(description="kept or dropped by the policy")
    documents: int = Field(description="documents of the corpus in this stratum")
    drawn: int
    read: int = Field(description="drawn documents with a decision that counts")
    wrong: int
    rate: float | None = Field(description="weighted to the corpus; None while nothing was read")
    low: float | None
    high: float | None
    documents_wrong: float | None = Field(description="the rate as documents of the corpus")


def draw(
    warehouse: Warehouse,
    source: str,
    corpus: str,
    sizes: Mapping[Stratum, int],
    seed: int,
    readers: int,
    person: str,
    at: datetime,
) -> ReviewSample:
    """A sample of so many documents of each stratum. The same seed draws the same documents.

    Raises :class:`UsageError` when the source has none.
    """
    rows = warehouse.query(POPULATION, {"source": source})
    groups: dict[tuple[Stratum, str], list[tuple[str, str]]] = defaultdict(list)
    for row in rows:
        groups[row["stratum"], row["domain"]].append((row["text_hash"], row["doc_id"]))
    if not groups:
        curate = on_lake("gristmill curate --input PATH --source NAME", warehouse.root)
        raise UsageError(f"{source} has no documents that were kept or dropped, so nothing to draw from. {curate}")
    strata, drawn = [], []
    for stratum in STRATA:
        counts = {domain: len(found) for (of, domain), found in sorted(groups.items()) if of == stratum}
        for domain, size in allotted(counts, sizes.get(stratum, 0)).items():
            members = sorted(
                groups[stratum, domain], key=lambda entry: xxhash.xxh3_64_intdigest(f"{seed}:{entry[0]}".encode())
            )
            strata.append(StratumSize(stratum=stratum, domain=domain, documents=counts[domain], drawn=size))
            drawn += [
                SampledDocument(text_hash=text_hash, doc_id=doc_id, stratum=stratum, domain=domain)
                for text_hash, doc_id in members[:size]
            ]
    return ReviewSample(
        source=source,
        corpus=corpus,
        person=person,
        seed=seed,
        readers=readers,
        strata=tuple(strata),
        documents=tuple(drawn),
        at=at,
    )


def allotted(counts: Mapping[str, int], size: int) -> dict[str, int]:
    """How many of ``size`` documents each group gives: at least one, else in proportion, and never more than it has."""
    total = sum(counts.values())
    size = min(size, total)
    if size <= 0:
        return dict.fromkeys(counts, 0)
    quota = {name: size * count / total for name, count in counts.items()}
    given = {name: max(min(count, 1), math.floor(quota[name])) for name, count in counts.items()}
    while (over := sum(given.values()) - size) != 0:  # each turn moves one document, at most as many as groups
        able = [name for name in counts if (given[name] > 1 if over > 0 else given[name] < counts[name])]
        if not able:  # more groups than documents: the largest
            largest = sorted(counts, key=lambda name: (-counts[name], name))[:size]
            return {name: int(name in largest) for name in counts}
        excess = {name: given[name] - quota[name] for name in able}
        chosen = max(able, key=lambda name: (excess[name], name)) if over > 0 else min(able, key=excess.__getitem__)
        given[chosen] -= 1 if over > 0 else -1
    return given


def error_rates(samples: Iterable[ReviewSample], by_text: Mapping[str, Sequence[Decision]]) -> list[ErrorRate]:
    """What the newest sample of each source says, stratum by stratum."""
    newest = {sample.source: sample for sample in samples}
    return [
        _rate(sample, stratum, by_text)
        for _, sample in sorted(newest.items())
        for stratum in STRATA
        if any(entry.stratum == stratum for entry in sample.strata)
    ]


def _rate(sample: ReviewSample, stratum: Stratum, by_text: Mapping[str, Sequence[Decision]]) -> ErrorRate:
    read: dict[str, int] = defaultdict(int)
    wrong: dict[str, int] = defaultdict(int)
    for document in sample.documents:
        decision = standing(by_text.get(document.text_hash, ()), sample.readers).settled
        if document.stratum == stratum and decision is not None:
            read[document.domain] += 1
            wrong[document.domain] += is_wrong(decision, stratum)
    groups = [entry for entry in sample.strata if entry.stratum == stratum and entry.documents]
    sizes = [entry.documents for entry in groups]
    numbers = [(read[entry.domain], wrong[entry.domain]) for entry in groups]
    rate, low, high = stratified(sizes, numbers) if sum(read.values()) else (None, None, None)
    return ErrorRate(
        source=sample.source,
        stratum=stratum,
        documents=sum(sizes),
        drawn=sum(entry.drawn for entry in groups),
        read=sum(read.values()),
        wrong=sum(wrong.values()),
        rate=rate,
        low=low,
        high=high,
        documents_wrong=None if rate is None else rate * sum(sizes),
    )


def is_wrong(decision: Decision, stratum: Stratum) -> bool:
    """Whether the person would not have done what the policy did."""
    if stratum == "dropped":
        return decision.decision is not Choice.DROP
    return decision.decision is not Choice.KEEP or any(span.decision == "redact" for span in decision.spans)


def stratified(sizes: Sequence[int], read: Sequence[tuple[int, int]]) -> tuple[float, float, float]:
    """The rate of a population and its 95 % interval, from groups of ``sizes`` of which ``(read, wrong)`` were looked
    at; at least one was.

    Groups of which nothing was read count with the mean of the others.
    """
    from scipy.stats import beta  # slow to import, and most pages need none

    known = [(size, number, wrong) for size, (number, wrong) in zip(sizes, read, strict=True) if number]
    total = sum(size for size, _, _ in known)
    rate = sum(size / total * wrong / number for size, number, wrong in known)
    effective = 1 / sum((size / total) ** 2 / number for size, number, _ in known)
    hits = rate * effective
    low = float(beta.ppf(0.025, hits, effective - hits + 1)) if hits > 0 else 0.0
    high = float(beta.ppf(0.975, hits + 1, effective - hits)) if hits < effective else 1.0
    return rate, low, high
