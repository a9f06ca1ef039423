"""Text that a page hides and the extractor kept: what readers do not see and a model learns.

The extraction worker lists what each page hides and how (:mod:`gristmill.tasks.extraction.hidden`), and this step looks
for those passages in the extracted text. Extractors leave most of it out: Resiliparse drops what inline styles take out
of the layout, and ``hidden`` and ``aria-hidden`` elements; it keeps text that is transparent, tiny, off the screen or
in the colour of its background, and what a style sheet hides. A hidden passage that is shown elsewhere on the same page
is found as well, because the text does not say which of the two it is.

Only pages whose bytes name one of the ways are looked at. Cost: about 2 ms for such a page.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator

import pyarrow as pa

from gristmill.core.config import Config
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.findings import FindingKind
from gristmill.schemas.tables import Documents, HiddenSpans, Records
from gristmill.tasks.extraction.client import ExtractionJob, extract_texts
from gristmill.tasks.ingest.readers.media import page_kind

DETECTOR, VERSION = "attack:hidden_text", "1"
SCORES = {
    "display": 0.5,
    "visibility": 0.5,
    "attribute": 0.5,
    "opacity": 0.8,
    "size": 0.9,
    "place": 0.7,
    "clip": 0.5,
    "colour": 0.9,
    "white": 0.6,
    "aria": 0.3,
}
NAMES_A_WAY = re.compile(
    rb"display\s*:\s*none|visibility\s*:\s*[hc]|opacity\s*:\s*[0.]|font-size\s*:\s*[01.]|text-indent\s*:\s*-|"
    rb"(?:left|top|right)\s*:\s*-\d{3}|\shidden[\s=>/]|aria-hidden|clip(?:-path)?\s*:|scale\(\s*0|[^-\w]color\s*:",
    re.IGNORECASE,
)
SPACES = re.compile(r"\s+")
BATCH_ROWS = 256


class HiddenTextConfig(Config):
    """What a page may cost, as in extraction."""

    cpu_seconds: float = 5.0
    memory_mib: int = 2048


@shard_step("hidden-text", version=1, reads=(Records, Documents), writes=(HiddenSpans,))
def hidden_text(records: pa.Table, documents: pa.Table, config: HiddenTextConfig) -> pa.Table:
    """A row for each hidden passage that stands in the extracted text, in the order of the documents."""
    texts = dict(zip(*(documents.column(name).to_pylist() for name in ("doc_id", "text")), strict=True))
    rows: dict[str, list[tuple[int, int, float]]] = {}
    chosen = list(_pages(records, texts))
    jobs = [job for _, job in chosen]
    answers = extract_texts(jobs, "hidden", config.cpu_seconds, config.memory_mib << 20) if jobs else iter(())
    for (doc_id, _), answer in zip(chosen, answers, strict=True):
        if answer.text:  # a page on which the search fails gives no findings, as one that hides nothing
            rows[doc_id] = list(places(texts[doc_id], answer.text))
    return _table([(doc_id, *row) for doc_id in texts for row in rows.get(doc_id, ())])


def _pages(records: pa.Table, texts: dict[str, str]) -> Iterator[tuple[str, ExtractionJob]]:
    columns = records.select(["doc_id", "record_type", "content_type", "charset", "payload"])
    for batch in columns.to_batches(max_chunksize=BATCH_ROWS):
        for row in batch.to_pylist():
            payload = row["payload"]
            if row["record_type"] == "row" or row["doc_id"] not in texts or not NAMES_A_WAY.search(payload):
                continue
            if page_kind(row["content_type"], payload, row["charset"]) == "html":
                yield row["doc_id"], ExtractionJob("html", row["charset"], payload)


def places(text: str, hidden: str) -> Iterator[tuple[int, int, float]]:
    """Start, end and score of each line of ``hidden`` (``how<TAB>passage``) that stands in ``text``."""
    starts = [0]
    pieces: list[str] = []
    for match in SPACES.finditer(text):
        pieces.append(text[starts[-1] : match.start()])
        starts.append(match.end())
    pieces.append(text[starts[-1] :])
    plain = " ".join(pieces)
    begins = [0]
    for piece in pieces:
        begins.append(begins[-1] + len(piece) + 1)
    found: list[tuple[int, int, float]] = []
    for line in hidden.split("\n"):
        how, _, passage = line.partition("\t")
        at = plain.find(passage) if passage else -1
        if at >= 0:
            found.append((_place(at, begins, starts), _place(at + len(passage) - 1, begins, starts) + 1, SCORES[how]))
    end = 0
    for first, last, score in sorted(found, key=lambda row: (row[0], -row[1])):
        if first >= end:
            yield first, last, score
            end = last


def _place(at: int, begins: list[int], starts: list[int]) -> int:
    """The place in the text of character ``at`` of the same text with single spaces."""
    piece = bisect_right(begins, at) - 1
    return starts[piece] + at - begins[piece]


def _table(rows: list[tuple[str, int, int, float]]) -> pa.Table:
    return pa.table(
        {
            "doc_id": [row[0] for row in rows],
            "kind": [FindingKind.HIDDEN_TEXT.value] * len(rows),
            "start": [row[1] for row in rows],
            "end": [row[2] for row in rows],
            "score": [row[3] for row in rows],
            "detector": [DETECTOR] * len(rows),
            "version": [VERSION] * len(rows),
        },
        schema=HiddenSpans.schema,
    )
