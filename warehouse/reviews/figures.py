"""The figures of a review: agreement and error rates, and what a signature states about a corpus."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.schemas.reviews.records import Signature
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.reviews.agreement import ReaderAgreement, Span, agreements, reads_of
from gristmill.warehouse.reviews.corpus import SignedCorpora, corpus_digest, corpus_files
from gristmill.warehouse.reviews.queue import backlog
from gristmill.warehouse.reviews.sampling import ErrorRate, error_rates
from gristmill.warehouse.reviews.store import Reviews, now

NOBODY = ""


class ReviewFigures(BaseModel):
    """How well readers agree, by kind of finding, and how often the policy is wrong."""

    decisions: int
    texts: int
    agreement: list[ReaderAgreement]
    errors: list[ErrorRate]


class CorpusState(BaseModel):
    """The current corpus of one source, and who signed it."""

    source: str
    corpus: str
    person: str | None
    at: datetime | None
    note: str


def corpus_states(lake: Lake) -> list[CorpusState]:
    """Every source with its signature, if it has one that holds."""
    signed = SignedCorpora(lake)
    found = []
    for dataset in lake.datasets("curation"):
        signature = signed.signature(dataset)
        found.append(
            CorpusState(
                source=dataset.name,
                corpus=corpus_digest(dataset),
                person=signature.person if signature else None,
                at=signature.at if signature else None,
                note=signature.note if signature else "",
            )
        )
    return found


def review_figures(warehouse: Warehouse, reviews: Reviews, source: str | None = None) -> ReviewFigures:
    """The figures of one source, or of all. Cost: the bootstrap, about a second a thousand documents read twice."""
    by_text = {text: made for text, made in reviews.by_text().items() if source is None or made[0].source == source}
    twice = [text for text, made in by_text.items() if len({decision.person for decision in made}) > 1]
    samples = [sample for sample in reviews.samples() if source in (None, sample.source)]
    return ReviewFigures(
        decisions=sum(map(len, by_text.values())),
        texts=len(by_text),
        agreement=agreements(reads_of(by_text, findings_in(warehouse, twice))),
        errors=error_rates(samples, by_text),
    )


def findings_in(warehouse: Warehouse, texts: Iterable[str]) -> dict[str, list[Span]]:
    """The findings in each of these texts, by text hash."""
    rows = warehouse.query(
        """
        SELECT DISTINCT document.text_hash, spans."start", spans."end", spans.kind
        FROM documents AS document JOIN spans USING (doc_id, shard)
        WHERE list_contains($texts, document.text_hash)
        ORDER BY ALL
        """,
        {"texts": sorted(texts)},
    )
    found: dict[str, list[Span]] = {}
    for row in rows:
        found.setdefault(row["text_hash"], []).append((row["start"], row["end"], row["kind"]))
    return found


def signature_for(
    warehouse: Warehouse, reviews: Reviews, dataset: Dataset, person: str, note: str = "", *, withdrawn: bool = False
) -> Signature:
    """A signature under a curation as it is now, with its figures at this time. It is not stored."""
    source = dataset.name
    waiting = backlog(warehouse, reviews, NOBODY, source=source, limit=1)
    figures = review_figures(warehouse, reviews, source)
    safety = dataset.counts.get("safety", {})
    counts = {
        "kept": dataset.counts["kept"],
        "redacted_spans": sum(safety.get("redacted", {}).values()),
        "removed_by_safety": sum(count for by in safety.get("removed", {}).values() for count in by.values()),
        "waiting_for_review": waiting.left,
        "in_dispute": waiting.disputed,
        "decisions": figures.decisions,
    }
    return Signature.parse(
        {
            "source": source,
            "corpus": corpus_digest(dataset),
            "dataset": dataset.key,
            "files": corpus_files(dataset),
            "person": person,
            "note": note,
            "figures": {"counts": counts, **figures.model_dump(mode="json", include={"agreement", "errors"})},
            "withdrawn": withdrawn,
            "at": now(),
        },
        "signature",
    )
