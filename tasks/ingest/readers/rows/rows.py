"""Rows, of whatever format, and JSON Lines (plain or compressed): every row is a record, its text column the page.

A broken JSON line is one record set aside; blank lines are not rows. ``record_uri`` is ``name@line:17``, from 1.
Cost: one pass, and one before it up to the first row that has every column (all rows, where none has); one line in
memory at a time.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from gristmill.core.config import did_you_mean
from gristmill.tasks.ingest.readers.decompress import BrokenStreamError, pieces
from gristmill.tasks.ingest.readers.items import Aside, Items, RawRecord, ReadOptions
from gristmill.tasks.ingest.readers.media import looks_binary
from gristmill.tasks.ingest.readers.reasons import Reason
from gristmill.tasks.ingest.readers.rows.columns import (
    DEFAULT_ID,
    DEFAULT_URL,
    ColumnCheck,
    column_names,
    has_column,
    identity,
    string,
    utf8,
    value_at,
)
from gristmill.tasks.ingest.readers.rows.dates import date_of
from gristmill.tasks.ingest.readers.rows.unicode import utf8_pieces

# JSON escapes make a line up to six times as long as its text; the rest is for other columns.
LINE_FACTOR = 8
# An empty list takes 2 bytes of a line and 64 of memory.
MAX_NESTED = 2_000_000


class Break(NamedTuple):
    """Where a compressed stream broke off, or was stopped because it grew beyond measure."""

    reason: Reason
    detail: str


def read_jsonl(path: Path, name: str, options: ReadOptions) -> Items:
    """The rows of a JSON Lines file.

    Raises :class:`gristmill.tasks.ingest.readers.rows.columns.ColumnsError`, before the first item, when a column that
    the config names is in no row at all.
    """
    if path.stat().st_size == 0:
        yield Aside(f"{name}@0+0", Reason.EMPTY_FILE, "the file has 0 bytes", damage=True)
        return
    check_columns(path, name, options)
    longest = options.max_payload_bytes * LINE_FACTOR
    empty = True
    with path.open("rb") as file:
        for number, line in enumerate(split_lines(utf8_pieces(pieces(file)), longest), start=1):
            uri = f"{name}@line:{number}"
            if isinstance(line, Break):
                yield Aside(uri, line.reason, line.detail, damage=True)
            elif line is None:
                yield Aside(uri, Reason.TOO_LARGE, f"a line of more than {longest} bytes")
            elif line.strip():
                yield _json_row(line, uri, options)
            else:
                continue
            empty = False
    if empty:
        yield Aside(f"{name}@0+{path.stat().st_size}", Reason.EMPTY_FILE, "nothing but blank lines", damage=True)


def check_columns(path: Path, name: str, options: ReadOptions, lines: int | None = None) -> None:
    """Look for the columns in the rows of a JSON Lines file, up to the first row by which all have been seen; in the
    first ``lines`` lines only, where that is given.

    Raises :class:`gristmill.tasks.ingest.readers.rows.columns.ColumnsError`.
    """
    check = ColumnCheck(name, options.columns)
    longest = options.max_payload_bytes * LINE_FACTOR
    taken = 0
    with path.open("rb") as file:
        for line in islice(split_lines(utf8_pieces(pieces(file)), longest), lines):
            taken += 1
            if isinstance(line, bytes) and line.strip() and not _brackets(line):
                check.see_json(line)
                if not check.absent:
                    return
    check.finish(whole=lines is None or taken < lines)


def _brackets(line: bytes) -> int:
    """How many brackets and braces a line has, where they are too many to read it; else 0."""
    nested = line.count(b"[") + line.count(b"{") if len(line) > MAX_NESTED else 0
    return nested if nested > MAX_NESTED else 0


def _json_row(line: bytes, uri: str, options: ReadOptions) -> RawRecord | Aside:
    if nested := _brackets(line):
        return Aside(uri, Reason.TOO_LARGE, f"{nested:,} brackets and braces in a line of {len(line):,} bytes")
    try:
        row = json.loads(line.decode("utf-8-sig"))
        if not isinstance(row, dict):
            return Aside(uri, Reason.ROW_NOT_OBJECT, f"the line holds a {type(row).__name__}")
        return read_row(row, uri, options)
    except RecursionError:  # also of an identity, which is written as JSON again
        return Aside(uri, Reason.ROW_NOT_JSON, "its values are nested too deeply")
    except ValueError as error:  # not UTF-8, not JSON, or a number of 5,000 digits
        return Aside(uri, Reason.ROW_NOT_JSON, f"{type(error).__name__}: {error}"[:200])


def read_row(row: Mapping[str, object], uri: str, options: ReadOptions) -> RawRecord | Aside:
    """One row of any format. Raises nothing: what is wrong with a row sets the row aside."""
    columns = options.columns
    native_id = identity(value_at(row, columns.id or DEFAULT_ID))
    url = string(value_at(row, columns.url or DEFAULT_URL))
    if columns.id is not None and native_id is None:
        hint = "" if has_column(row, columns.id) else did_you_mean(columns.id, column_names(row))
        return Aside(uri, Reason.MISSING_ID, f"no value in the column {columns.id!r}{hint}", url=url)
    text = value_at(row, columns.text)
    if isinstance(text, bytes):
        if looks_binary(text):
            detail = f"the column {columns.text!r} holds bytes that are no text: {text[:24]!r}"
            return Aside(uri, Reason.NOT_TEXT, detail, native_id=native_id, url=url)
        text = text.decode("utf-8", "replace")
    if not isinstance(text, str):
        there = has_column(row, columns.text)
        hint = f"holds a {type(text).__name__}" if there else "is not there"
        hint += "" if there else did_you_mean(columns.text, column_names(row))
        detail = f"the column {columns.text!r} {hint}"[:300]
        return Aside(uri, Reason.MISSING_TEXT, detail, native_id=native_id, url=url)
    payload = utf8(text)
    if len(payload) > options.max_payload_bytes:
        return Aside(uri, Reason.TOO_LARGE, f"{len(payload)} bytes", native_id=native_id, url=url)
    if not payload.strip():
        return Aside(uri, Reason.EMPTY_BODY, f"{len(payload)} bytes", native_id=native_id, url=url)
    moment, unknown = (None, None) if columns.date is None else date_of(value_at(row, columns.date))
    return RawRecord(uri, native_id, "row", payload, url, moment, date_text=unknown)


def split_lines(stream: Iterator[bytes], limit: int) -> Iterator[bytes | Break | None]:
    """Lines without their end; None for a line longer than ``limit``; a break where the stream ends early.

    What was read of the line in which the stream broke off belongs to the damage and is not a line.
    """
    kept: list[bytes] = []
    size = 0
    try:
        for piece in stream:
            *ended, rest = piece.split(b"\n")
            for part in ended:
                size += len(part)
                yield b"".join((*kept, part)) if size <= limit else None
                kept, size = [], 0
            size += len(rest)
            if size <= limit:
                kept.append(rest)
            else:
                kept = []
    except BrokenStreamError as error:
        yield Break(error.reason, f"{error}; {size} bytes of this line were read")
        return
    if size:
        yield b"".join(kept) if size <= limit else None
