"""Extract: ``records`` become ``documents`` or ``set_aside``, one for one.

HTML goes through resiliparse's main-content extraction, as DCLM does it; plain text, Markdown and rows keep their
text. All of it runs in one worker process with limits on processor time and memory, because pages come from strangers
(``tasks.extraction.worker``).

A limit on processor time depends on the machine: a page that needs nearly ``cpu_seconds`` may pass on one machine and
fail on another. Sound pages need a thousandth of it. Cost: about 1 ms a page; holds one shard in memory.
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa
from pydantic import Field

from schemas.config import Config
from schemas.digests import digest_text
from schemas.errors import GristmillError
from schemas.table import Table
from schemas.tables import Documents, Records, SetAside
from tasks.extraction.client import Answer, Job, extract_texts
from tasks.readers.media import page_kind
from tasks.readers.reasons import Reason
from tasks.step import step

EXTRACTORS = {"html": "resiliparse", "plain": "plain", "row": "row"}
SAME_COLUMNS = ("doc_id", "source", "url", "host", "fetched_at", "record_uri", "record_digest")
BATCH_ROWS = 256


class ExtractConfig(Config):
    """Settings of :func:`extract`."""

    cpu_seconds: float = Field(default=5.0, gt=0, le=600, description="processor time a page may use, in seconds")
    memory_mib: int = Field(default=2048, ge=256, le=65536, description="address space of the worker, in MiB")


@step("extract", version=1, reads=(Records,), writes=(Documents, SetAside))
def extract(records: pa.Table, config: ExtractConfig) -> tuple[pa.Table, pa.Table]:
    """The text of every record, and the records that gave none with the reason.

    Raises :class:`GristmillError` when the worker cannot run, and when the rows do not add up.
    """
    jobs = list(_jobs(records))
    answers = list(extract_texts(jobs, config.cpu_seconds, config.memory_mib << 20))
    reasons = [_reason(answer) for answer in answers]
    good = [number for number, reason in enumerate(reasons) if reason is None]
    failed = [number for number, reason in enumerate(reasons) if reason is not None]
    documents = _documents(records, jobs, answers, good)
    set_aside = _set_aside(records, answers, reasons, failed)
    if len(documents) + len(set_aside) != len(records):
        raise GristmillError(f"extract read {len(records)} records and gave {len(documents)} + {len(set_aside)}")
    return documents, set_aside


def _jobs(records: pa.Table) -> Iterator[Job]:
    """What the worker is to do with each record."""
    columns = records.select(["record_type", "content_type", "charset", "payload"])
    for batch in columns.to_batches(max_chunksize=BATCH_ROWS):
        for row in batch.to_pylist():
            payload = row["payload"]
            if row["record_type"] == "row":
                yield Job("row", "utf-8", payload)
            else:
                kind = page_kind(row["content_type"], payload, row["charset"]) or "plain"
                yield Job(kind, row["charset"], payload)


def _reason(answer: Answer) -> Reason | None:
    if answer.reason is None and not answer.text:
        return Reason.EMPTY_TEXT
    return answer.reason


def _documents(records: pa.Table, jobs: list[Job], answers: list[Answer], good: list[int]) -> pa.Table:
    rows = records.select(list(SAME_COLUMNS)).take(pa.array(good, pa.int64()))
    texts = [answers[number].text for number in good]
    columns = {name: rows.column(name) for name in SAME_COLUMNS}
    columns["text"] = _column(Documents, "text", texts)
    columns["text_hash"] = _column(Documents, "text_hash", [digest_text(text) for text in texts])
    columns["chars"] = _column(Documents, "chars", [len(text) for text in texts])
    columns["extractor"] = _column(Documents, "extractor", [EXTRACTORS[jobs[number].kind] for number in good])
    columns["encoding"] = _column(Documents, "encoding", [answers[number].encoding for number in good])
    return pa.table(columns, schema=Documents.schema)


def _set_aside(records: pa.Table, answers: list[Answer], reasons: list[Reason | None], failed: list[int]) -> pa.Table:
    rows = records.select(["doc_id", "source", "url", "record_uri"]).take(pa.array(failed, pa.int64()))
    columns = {name: rows.column(name) for name in rows.column_names}
    columns["stage"] = _column(SetAside, "stage", ["extract"] * len(failed))
    columns["kind"] = _column(SetAside, "kind", ["record"] * len(failed))
    columns["reason"] = _column(SetAside, "reason", [str(reasons[number]) for number in failed])
    notes = [answers[number].note or "the page holds no main content" for number in failed]
    columns["detail"] = _column(SetAside, "detail", notes)
    return pa.table(columns, schema=SetAside.schema)


def _column(table: Table, name: str, values: Sequence[str | int]) -> pa.Array:
    return pa.array(values, table.schema.field(name).type)
