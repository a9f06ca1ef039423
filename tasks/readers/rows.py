"""JSON Lines (plain or compressed) and Parquet: every row is a record, its text column the page.

A JSON line that is broken is one record set aside; blank lines are no rows. A Parquet file whose footer is gone is one
damage item, for its rows cannot be told; a row group that cannot be read is one damage item that names its row count.
``record_uri`` is ``name@line:17`` (from 1) or ``name@row:17`` (from 0). Cost: one pass; one line or one batch of rows
in memory at a time.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.config import did_you_mean
from tasks.readers.columns import (
    DEFAULT_ID,
    DEFAULT_URL,
    ColumnCheck,
    column_names,
    has_column,
    identity,
    missing_column,
    string,
    utf8,
    value_at,
)
from tasks.readers.dates import parse_date
from tasks.readers.decompress import BrokenStreamError, pieces
from tasks.readers.items import Aside, Items, Limits, Page
from tasks.readers.reasons import Reason
from tasks.readers.unicode import utf8_pieces

BATCH_ROWS = 512
# JSON escapes make a line up to six times as long as its text; the rest is for other columns.
LINE_FACTOR = 8


def read_jsonl(path: Path, name: str, limits: Limits) -> Items:
    """The rows of a JSON Lines file.

    Raises :class:`schemas.errors.UsageError` when a column that the config names is in no row at all.
    """
    if path.stat().st_size == 0:
        yield Aside(f"{name}@0+0", Reason.EMPTY_FILE, "the file has 0 bytes", damage=True)
        return
    check = ColumnCheck(name, limits.columns)
    longest = limits.max_payload_bytes * LINE_FACTOR
    with path.open("rb") as file:
        for number, line in enumerate(split_lines(utf8_pieces(pieces(file)), longest), start=1):
            uri = f"{name}@line:{number}"
            if isinstance(line, str):
                yield Aside(uri, Reason.CUT_OFF, line, damage=True)
            elif line is None:
                yield Aside(uri, Reason.TOO_LARGE, f"a line of more than {longest} bytes")
            elif line.strip():
                yield _json_row(line, uri, limits, check)
    check.finish()


def _json_row(line: bytes, uri: str, limits: Limits, check: ColumnCheck) -> Page | Aside:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # ValueError: not UTF-8, not JSON, or a number of 5,000 digits
        return Aside(uri, Reason.ROW_NOT_JSON, f"{type(error).__name__}: {error}"[:200])
    if not isinstance(row, dict):
        return Aside(uri, Reason.ROW_NOT_OBJECT, f"the line holds a {type(row).__name__}")
    check.see(row)
    return read_row(row, uri, limits)


def read_row(row: Mapping[str, object], uri: str, limits: Limits) -> Page | Aside:
    """One row of any format. Raises nothing: what is wrong with a row sets the row aside."""
    columns = limits.columns
    native_id = identity(value_at(row, columns.id or DEFAULT_ID))
    url = string(value_at(row, columns.url or DEFAULT_URL))
    if columns.id is not None and native_id is None:
        hint = "" if has_column(row, columns.id) else did_you_mean(columns.id, column_names(row))
        return Aside(uri, Reason.MISSING_ID, f"no value in the column {columns.id!r}{hint}", url=url)
    text = value_at(row, columns.text)
    if not isinstance(text, str):
        there = has_column(row, columns.text)
        hint = f"holds a {type(text).__name__}" if there else "is not there"
        hint += "" if there else did_you_mean(columns.text, column_names(row))
        detail = f"the column {columns.text!r} {hint}"[:300]
        return Aside(uri, Reason.MISSING_TEXT, detail, native_id=native_id, url=url)
    payload = utf8(text)
    if len(payload) > limits.max_payload_bytes:
        return Aside(uri, Reason.TOO_LARGE, f"{len(payload)} bytes", native_id=native_id, url=url)
    if not payload.strip():
        return Aside(uri, Reason.EMPTY_BODY, f"{len(payload)} bytes", native_id=native_id, url=url)
    moment = None if columns.date is None else parse_date(identity(value_at(row, columns.date)))
    return Page(uri, native_id, "row", payload, url, moment)


def read_parquet(path: Path, name: str, limits: Limits) -> Items:
    """The rows of a Parquet file.

    Raises :class:`schemas.errors.UsageError` for a column that the config names and the file lacks.
    """
    size = path.stat().st_size
    if size == 0:
        yield Aside(f"{name}@0+0", Reason.EMPTY_FILE, "the file has 0 bytes", damage=True)
        return
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError, EOFError) as error:
        yield Aside(f"{name}@0+{size}", Reason.UNREADABLE, f"no Parquet file: {error}"[:300], damage=True)
        return
    with file:
        columns = _columns(file.schema_arrow, name, limits)
        row = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            yield from _row_group(file, group, row, rows, columns, name, limits)
            row += rows


def _row_group(
    file: pq.ParquetFile, group: int, first: int, rows: int, columns: list[str], name: str, limits: Limits
) -> Items:
    done = 0
    try:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, row_groups=[group], columns=columns, use_threads=False):
            for values in _python_rows(batch):
                yield read_row(values, f"{name}@row:{first + done}", limits)
                done += 1
    except (pa.ArrowException, OSError, EOFError) as error:
        detail = f"row group {group} cannot be read; {rows - done} of its {rows} rows are lost: {error}"
        yield Aside(f"{name}@row:{first + done}+{rows - done}", Reason.UNREADABLE, detail[:300], damage=True)


def _python_rows(batch: pa.RecordBatch) -> list[dict[str, object]]:
    """Rows as dicts; text whose bytes are not UTF-8 is read with replacement characters."""
    try:
        rows: list[dict[str, object]] = batch.to_pylist()
    except UnicodeDecodeError:
        binary = pa.table({n: _as_binary(c) for n, c in zip(batch.schema.names, batch.columns, strict=True)})
        return [{key: _as_text(value) for key, value in row.items()} for row in binary.to_pylist()]
    return rows


def _as_binary(column: pa.Array) -> pa.Array:
    """The column with every string in it, at any depth of objects, as bytes."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.cast(pa.large_binary())
    if pa.types.is_struct(column.type):
        names = [column.type.field(number).name for number in range(column.type.num_fields)]
        inside = [_as_binary(column.field(number)) for number in range(column.type.num_fields)]
        return pa.StructArray.from_arrays(inside, names, mask=column.is_null())
    return column


def _as_text(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return {key: _as_text(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _columns(schema: pa.Schema, name: str, limits: Limits) -> list[str]:
    """The columns to read, as Parquet names them: a column, or the leaf of a struct with dots."""
    known = _paths(schema)
    wanted = [limits.columns.text, *limits.columns.stated()]
    for column in wanted:
        if column not in known:
            raise missing_column(name, column, known)
    return sorted({*wanted, *(column for column in (DEFAULT_ID, DEFAULT_URL) if column in schema.names)})


def _paths(fields: pa.Schema | pa.StructType, prefix: str = "") -> list[str]:
    """The dotted names of all columns and the fields of structs."""
    found = []
    for field in fields:
        found.append(prefix + field.name)
        if pa.types.is_struct(field.type):
            found += _paths(field.type, f"{prefix}{field.name}.")
    return found


def split_lines(stream: Iterator[bytes], limit: int) -> Iterator[bytes | str | None]:
    """Lines without their end; None for a line longer than ``limit``; a string for where the stream broke off.

    What was read of the line in which the stream broke off belongs to the damage and is no line.
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
        yield f"{error}; {size} bytes of this line were read"
        return
    if size:
        yield b"".join(kept) if size <= limit else None
