"""The documents that hold spans of a text: an overlap, which does not say that they caused the text.

A model may have written the words for another reason, and what moved it may be worded otherwise. Cost: the search of
:mod:`gristmill.tasks.lineage.spans`, and a look at the row groups of the curated files that hold the named documents.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow.parquet as pq

from gristmill.core.files.parquet import raised_as_damage
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Ref
from gristmill.tasks.lineage.reads import hexadecimal, read_ranges
from gristmill.tasks.lineage.spans import SortedBlock, Span, find_spans, occurrences
from gristmill.tasks.lineage.trained import TrainedCheckpoint, curated_of_tokens, plan_of
from gristmill.tasks.mix.permutation import Integers
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.token_store import Part
from gristmill.tasks.mix.tokenizer import TextTokenizer

LABEL = "overlap, not cause"
MOST_PLACES = 10_000
COLUMNS = ("doc_id", "source", "url", "record_uri")


@dataclass
class Holder:
    """A document that holds a span ``times`` times. ``times_read``: how often the checkpoint read the span in it.

    ``source``, ``url`` and ``record_uri`` are None where the curated file is gone, ``times_read`` where no checkpoint
    was asked about.
    """

    doc_id: str
    domain: str
    times: int
    times_read: float | None = None
    source: str | None = None
    url: str | None = None
    record_uri: str | None = None


@dataclass
class Passage:
    """A span of the text: code points ``start`` to ``end``, and what holds it.

    ``documents`` counts those of the first 10,000 occurrences: with more it is a lower bound. ``holders`` are the first
    of them, those most often read first.
    """

    text: str
    start: int
    end: int
    tokens: int
    occurrences: int
    documents: int = 0
    holders: list[Holder] = field(default_factory=list)


@dataclass(frozen=True)
class Corpus:
    """Where spans are looked for: the mix, its blocks, and the checkpoint that read it, if one is asked about."""

    mix: Dataset
    blocks: Sequence[SortedBlock]
    tokenizer: TextTokenizer
    trained: TrainedCheckpoint | None = None


def find_passages(text: str, corpus: Corpus, least: int, named: int, lake: Lake) -> list[Passage]:
    """The spans of ``text`` of at least ``least`` tokens, the longest first, each with up to ``named`` documents.

    Raises :class:`gristmill.core.errors.GristmillError` when the plan or a manifest is gone, and ``DamageError`` for a
    damaged curated file.
    """
    encoding = corpus.tokenizer.tokenizer.encode(text, add_special_tokens=False)
    tokens = np.array(encoding.ids, dtype=np.uint32)
    spans = find_spans(corpus.blocks, tokens, least)
    plan = plan_of(corpus.trained, corpus.mix, lake) if corpus.trained else None
    found: list[Passage] = []
    homes: dict[str, Part] = {}
    for span in sorted(spans, key=lambda span: (span.start - span.stop, span.start)):
        start, end = encoding.offsets[span.start][0], encoding.offsets[span.stop - 1][1]
        passage = Passage(text[start:end], start, end, span.stop - span.start, span.occurrences)
        _add_holders(passage, span, corpus, plan, named, homes)
        found.append(passage)
    _add_identities([holder for passage in found for holder in passage.holders], homes, corpus.mix, lake)
    return found


def _add_holders(
    passage: Passage, span: Span, corpus: Corpus, plan: Plan | None, named: int, homes: dict[str, Part]
) -> None:
    """The documents of the first occurrences; where each lies is noted in ``homes``."""
    holders: dict[tuple[str, str], Holder] = {}
    for block, places in occurrences(span, corpus.blocks, MOST_PLACES):
        rows = np.searchsorted(block.part.ends, places, side="right")
        identities = hexadecimal(block.part.doc_ids[rows]).to_pylist()
        times = _times_read(places + block.base, passage.tokens, block.domain, corpus.trained, plan)
        for identity, read in zip(identities, times, strict=True):
            holder = holders.setdefault((block.domain, identity), Holder(identity, block.domain, 0))
            holder.times += 1
            if read is not None:
                holder.times_read = (holder.times_read or 0.0) + read
            homes[identity] = block.part
    passage.documents = len(holders)
    order = sorted(holders.values(), key=lambda holder: (-(holder.times_read or 0.0), -holder.times, holder.doc_id))
    passage.holders = order[:named]


def _times_read(
    places: Integers, length: int, domain: str, trained: TrainedCheckpoint | None, plan: Plan | None
) -> list[float] | list[None]:
    """How often the checkpoint read each occurrence, parts of it as parts of one; None where none is asked about."""
    if trained is None or plan is None:
        return [None] * len(places)
    reads = read_ranges(plan, domain, places, places + length, range(trained.first_row, trained.end_row))
    return (reads.tokens / length).tolist()  # type: ignore[no-any-return]


def _add_identities(holders: Sequence[Holder], homes: dict[str, Part], mix: Dataset, lake: Lake) -> None:
    """Source, URL and record of documents, from the curated files that are still there."""
    if not holders:
        return
    tokens = mix.files["tokens"]
    curated = {lake.files_path(ref): refs for ref, refs in zip(tokens, curated_of_tokens(tokens, lake), strict=True)}
    known: dict[str, dict[str, str | None]] = {}
    for folder in {homes[holder.doc_id].path.parent for holder in holders}:
        wanted = sorted({holder.doc_id for holder in holders if homes[holder.doc_id].path.parent == folder})
        for ref in curated[folder]:
            known |= _rows(ref, wanted, lake) if ref is not None and lake.path(ref).is_file() else {}
    for holder in holders:
        row = known.get(holder.doc_id, {})
        holder.source, holder.url, holder.record_uri = row.get("source"), row.get("url"), row.get("record_uri")


def _rows(ref: Ref, doc_ids: list[str], lake: Lake) -> dict[str, dict[str, str | None]]:
    """Rows of a curated file, which is sorted by doc_id, so only some row groups are read."""
    path = lake.path(ref)
    with raised_as_damage(path):
        rows = pq.read_table(
            path, columns=list(COLUMNS), filters=[("doc_id", "in", doc_ids)], page_checksum_verification=True
        )
    return {row["doc_id"]: row for row in rows.to_pylist()}
