"""What every reader yields, in the order of the input: records that may hold a page, records set aside, and damage."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gristmill.tasks.ingest.readers.reasons import Reason
from gristmill.tasks.ingest.readers.rows.columns import ColumnMap


@dataclass(slots=True)
class RawRecord:
    """A record that may hold a page. ``native_id`` is None where the input does not name its records."""

    uri: str
    native_id: str | None
    record_type: str
    payload: bytes
    url: str | None = None
    fetched_at: datetime | None = None
    status: int | None = None
    content_type: str = ""
    charset: str | None = None
    #: The date as the input states it, where that was not understood.
    date_text: str | None = None
    #: Why the crawler stored only the beginning of the body, in its words.
    truncated: str | None = None
    #: Header lines that say what the content may be used for, as they were sent.
    use_headers: str | None = None


@dataclass(slots=True)
class Aside:
    """A record without text, or (``damage``) bytes that are not a record, or (``unread``) a file that was not read."""

    uri: str
    reason: Reason
    detail: str
    damage: bool = False
    native_id: str | None = None
    url: str | None = None
    unread: bool = False


Items = Iterator[RawRecord | Aside]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """The part of the ingest config that a reader needs."""

    max_payload_bytes: int
    columns: ColumnMap
    #: Quotes of CSV and TSV are plain characters.
    unquoted: bool = False
