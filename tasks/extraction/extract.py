"""Extract: ``records`` become ``documents`` or ``set_aside``, one for one.

The main content of HTML is found by the extractors of the config, in their order: the first that gives text makes the
document, and the next one sees only the pages on which it gave nothing, ran out of processor time or crashed. Plain
text, Markdown and rows keep their text. All of it runs in worker processes with limits on processor time and memory,
because pages are untrusted (``gristmill.tasks.extraction.worker``). Outcomes are counted in
``gristmill.tasks.extraction.outcomes``.

A limit on processor time depends on the machine: a page that needs nearly ``cpu_seconds`` may pass on one machine and
fail on another. Normal pages need a thousandth of it. Cost: about 4 ms a page with resiliparse (DCLM's choice), 40 ms
with trafilatura (FineWeb's); holds one shard in memory.
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from gristmill.core.digests import digest_text
from gristmill.core.errors import GristmillError
from gristmill.core.steps.kinds import shard_step
from gristmill.core.table import Table
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import Documents, Records, SetAside
from gristmill.tasks.extraction.client import ExtractionJob, ExtractionResult, extract_texts
from gristmill.tasks.extraction.config import ExtractConfig
from gristmill.tasks.ingest.readers.media import page_kind
from gristmill.tasks.ingest.readers.reasons import Reason

HTML = "html"
# Why the extractors before the one that made the text gave nothing, as it is appended to its name.
FELL_BACK = {
    Reason.EMPTY_TEXT: "after-empty",
    Reason.EXTRACT_TIMEOUT: "after-timeout",
    Reason.EXTRACT_CRASHED: "after-failed",
}
SAME_COLUMNS = ("doc_id", "source", "url", "host", "fetched_at", "record_uri", "record_digest")
BATCH_ROWS = 256


@shard_step("extract", version=5, reads=(Records,), writes=(Documents, SetAside))
def extract(records: pa.Table, config: ExtractConfig) -> tuple[pa.Table, pa.Table]:
    """The text of every record, and the records that gave none with the reason.

    Raises :class:`GristmillError` when the worker cannot run, and when the rows do not add up.
    """
    jobs = list(_jobs(records))
    answers, makers = _extract(jobs, config)
    reasons = [_reason(answer) for answer in answers]
    good = [number for number, reason in enumerate(reasons) if reason is None]
    failed = [number for number, reason in enumerate(reasons) if reason is not None]
    documents = _documents(records, makers, answers, good)
    set_aside = _set_aside(records, answers, reasons, failed)
    if len(documents) + len(set_aside) != len(records):
        raise GristmillError(f"extract read {len(records)} records and gave {len(documents)} + {len(set_aside)}")
    return documents, set_aside


def _extract(jobs: list[ExtractionJob], config: ExtractConfig) -> tuple[list[ExtractionResult], list[str]]:
    """The answer to each job, and what made its text."""
    first, *fallbacks = config.extractors
    makers = [first if job.kind == HTML else job.kind for job in jobs]
    answers = _run(jobs, first, config)
    for name in fallbacks:
        again = [
            number
            for number, answer in enumerate(answers)
            if jobs[number].kind == HTML and _reason(answer) in FELL_BACK
        ]
        for number, answer in zip(again, _run([jobs[number] for number in again], name, config), strict=True):
            why = _reason(answers[number])
            if why is not None and _reason(answer) is None:
                makers[number] = f"{name}-{FELL_BACK[why]}"
            answers[number] = answer
    return answers, makers


def _run(jobs: list[ExtractionJob], extractor: str, config: ExtractConfig) -> list[ExtractionResult]:
    precise = extractor == "trafilatura" and config.favour_precision
    worker = f"{extractor}-precise" if precise else extractor
    return list(extract_texts(jobs, worker, config.cpu_seconds, config.memory_mib << 20)) if jobs else []


def _jobs(records: pa.Table) -> Iterator[ExtractionJob]:
    """The job for each record."""
    columns = records.select(["record_type", "content_type", "charset", "payload"])
    for batch in columns.to_batches(max_chunksize=BATCH_ROWS):
        for row in batch.to_pylist():
            payload = row["payload"]
            if row["record_type"] == "row":
                yield ExtractionJob("row", "utf-8", payload)
            else:
                kind = page_kind(row["content_type"], payload, row["charset"]) or "plain"
                yield ExtractionJob(kind, row["charset"], payload)


def _reason(answer: ExtractionResult) -> Reason | None:
    if answer.reason is None and not answer.text:
        return Reason.EMPTY_TEXT
    return answer.reason


def _documents(records: pa.Table, makers: list[str], answers: list[ExtractionResult], good: list[int]) -> pa.Table:
    rows = records.select(list(SAME_COLUMNS)).take(pa.array(good, pa.int64()))
    texts = [answers[number].text for number in good]
    columns = {name: rows.column(name) for name in SAME_COLUMNS}
    columns["text"] = _column(Documents, "text", texts)
    columns["text_hash"] = _column(Documents, "text_hash", [digest_text(text) for text in texts])
    columns["chars"] = _column(Documents, "chars", [len(text) for text in texts])
    columns["extractor"] = _column(Documents, "extractor", [makers[number] for number in good])
    columns["encoding"] = _column(Documents, "encoding", [answers[number].encoding for number in good])
    return pa.table(columns, schema=Documents.schema)


def _set_aside(
    records: pa.Table, answers: list[ExtractionResult], reasons: list[Reason | None], failed: list[int]
) -> pa.Table:
    rows = records.select(["doc_id", "source", "url", "record_uri"]).take(pa.array(failed, pa.int64()))
    columns = {name: rows.column(name) for name in rows.column_names}
    columns["stage"] = _column(SetAside, "stage", [StageName.EXTRACT] * len(failed))
    columns["kind"] = _column(SetAside, "kind", ["record"] * len(failed))
    columns["reason"] = _column(SetAside, "reason", [str(reasons[number]) for number in failed])
    notes = [answers[number].note or "the page holds no main content" for number in failed]
    columns["detail"] = _column(SetAside, "detail", notes)
    return pa.table(columns, schema=SetAside.schema)


def _column(table: Table, name: str, values: Sequence[str | int]) -> pa.Array:
    return pa.array(values, table.schema.field(name).type)
