"""JSON Lines (plain, gzip, zstd, lz4) and Parquet: every row is a record, its text column the page.

A JSON line that is broken is one record set aside; blank lines are no rows. A Parquet file whose footer is gone is one
damage item, for its rows cannot be told; a row group that cannot be read is one damage item that names its row count.
``record_uri`` is ``name@line:17`` (from 1) or ``name@row:17`` (from 0). Cost: one pass; one line or one batch of rows
in memory at a time.
"""

import json
import zlib
from collections.abc import Callable, Iterator
from gzip import GzipFile
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from fastwarc.stream_io import Lz4Reader, ZstdReader

from schemas.config import did_you_mean
from schemas.errors import UsageError
from tasks.readers.dates import parse_date
from tasks.readers.items import Aside, Items, Limits, Page
from tasks.readers.reasons import Reason
from tasks.readers.stretches import GZIP_MAGIC, LZ4_MAGIC, ZSTD_MAGICS

BATCH_ROWS = 512
PIECE_BYTES = 1 << 16
# JSON escapes make a line up to six times as long as its text; the rest is for other columns.
LINE_FACTOR = 8
DEFAULT_ID, DEFAULT_URL = "id", "url"


def read_jsonl(path: Path, name: str, limits: Limits) -> Items:
    """The rows of a JSON Lines file."""
    if path.stat().st_size == 0:
        yield Aside(f"{name}@0+0", Reason.EMPTY_FILE, "the file has 0 bytes", damage=True)
        return
    with path.open("rb") as file:
        for number, line in enumerate(_lines(_decompressed(file), limits.max_payload_bytes * LINE_FACTOR), start=1):
            uri = f"{name}@line:{number}"
            if isinstance(line, str):
                yield Aside(uri, Reason.CUT_OFF, line, damage=True)
            elif line is None:
                yield Aside(
                    uri, Reason.TOO_LARGE, f"a line of more than {limits.max_payload_bytes * LINE_FACTOR} bytes"
                )
            elif line.strip():
                yield _json_row(line, uri, limits)


def _json_row(line: bytes, uri: str, limits: Limits) -> Page | Aside:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # ValueError: not UTF-8, not JSON, or a number of 5,000 digits
        return Aside(uri, Reason.ROW_NOT_JSON, f"{type(error).__name__}: {error}"[:200])
    if not isinstance(row, dict):
        return Aside(uri, Reason.ROW_NOT_OBJECT, f"the line holds a {type(row).__name__}")
    return _row(row, uri, limits)


def _row(row: dict[str, object], uri: str, limits: Limits) -> Page | Aside:
    """One row of either format. Raises nothing: what is wrong with a row sets the row aside."""
    id_value = row.get(limits.id_column or DEFAULT_ID)
    native_id = _name(id_value)
    url = _string(row.get(limits.url_column or DEFAULT_URL))
    if limits.id_column is not None and native_id is None:
        hint = "" if limits.id_column in row else did_you_mean(limits.id_column, list(row))
        return Aside(uri, Reason.MISSING_ID, f"no value in the column {limits.id_column!r}{hint}", url=url)
    text = row.get(limits.text_column)
    if not isinstance(text, str):
        hint = f"holds a {type(text).__name__}" if limits.text_column in row else "is not there"
        hint += "" if limits.text_column in row else did_you_mean(limits.text_column, list(row))
        detail = f"the column {limits.text_column!r} {hint}"[:300]
        return Aside(uri, Reason.MISSING_TEXT, detail, native_id=native_id, url=url)
    payload = _utf8(text)
    if len(payload) > limits.max_payload_bytes:
        return Aside(uri, Reason.TOO_LARGE, f"{len(payload)} bytes", native_id=native_id, url=url)
    if not payload.strip():
        return Aside(uri, Reason.EMPTY_BODY, f"{len(payload)} bytes", native_id=native_id, url=url)
    moment = parse_date(_name(row.get(limits.date_column))) if limits.date_column is not None else None
    return Page(uri, native_id, "row", payload, url, moment)


def read_parquet(path: Path, name: str, limits: Limits) -> Items:
    """The rows of a Parquet file. Raises :class:`UsageError` for a column that the config names and the file lacks."""
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
                yield _row(values, f"{name}@row:{first + done}", limits)
                done += 1
    except (pa.ArrowException, OSError, EOFError) as error:
        detail = f"row group {group} cannot be read; {rows - done} of its {rows} rows are lost: {error}"
        yield Aside(f"{name}@row:{first + done}+{rows - done}", Reason.UNREADABLE, detail[:300], damage=True)


def _python_rows(batch: pa.RecordBatch) -> list[dict[str, object]]:
    """Rows as dicts; text whose bytes are not UTF-8 is read with replacement characters."""
    try:
        rows: list[dict[str, object]] = batch.to_pylist()
    except UnicodeDecodeError:
        binary = pa.table({n: c.cast(pa.large_binary()) if _textual(c.type) else c for n, c in _named(batch)})
        return [
            {key: value.decode("utf-8", "replace") if isinstance(value, bytes) else value for key, value in row.items()}
            for row in binary.to_pylist()
        ]
    return rows


def _named(batch: pa.RecordBatch) -> list[tuple[str, pa.Array]]:
    return list(zip(batch.schema.names, batch.columns, strict=True))


def _textual(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _columns(schema: pa.Schema, name: str, limits: Limits) -> list[str]:
    wanted = [limits.text_column, limits.id_column, limits.url_column, limits.date_column]
    for column in wanted:
        if column is not None and column not in schema.names:
            raise UsageError(f"{name}: there is no column {column!r}{did_you_mean(column, schema.names)}")
    wanted += [column for column in (DEFAULT_ID, DEFAULT_URL) if column in schema.names]
    return sorted({column for column in wanted if column is not None})


# -- lines ----------------------------------------------------------------------------------------------------------


def _decompressed(file: BinaryIO) -> Iterator[bytes | str]:
    """Pieces of the decompressed content; a last string says why reading broke off."""
    start = file.read(4)
    file.seek(0)
    read: Callable[[int], bytes]
    if start.startswith(GZIP_MAGIC):
        read = GzipFile(fileobj=file).read1  # unlike read, it gives what comes before a break
    elif start == LZ4_MAGIC:
        read = Lz4Reader(file).read
    elif start in ZSTD_MAGICS:
        read = ZstdReader(file).read
    else:
        read = file.read
    try:
        while piece := read(PIECE_BYTES):
            yield piece
    except (EOFError, OSError, ValueError, zlib.error) as error:
        yield f"the compressed stream breaks off: {error}"


def _lines(pieces: Iterator[bytes | str], limit: int) -> Iterator[bytes | str | None]:
    """Lines without their end; None for a line longer than ``limit``; a string for where the stream broke off.

    What was read of the line in which the stream broke off belongs to the damage and is no line.
    """
    kept: list[bytes] = []
    size = 0
    for piece in pieces:
        if isinstance(piece, str):
            yield f"{piece}; {size} bytes of this line were read"
            return
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
    if size:
        yield b"".join(kept) if size <= limit else None


# -- values ---------------------------------------------------------------------------------------------------------


def _string(value: object) -> str | None:
    return _clean(value) if isinstance(value, str) and value else None


def _name(value: object) -> str | None:
    """An identity as text: strings as they are, other values in their JSON form; None for null, "" and NaN."""
    if value is None or value == "" or value != value:
        return None
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, bytes):
        return value.hex()
    return json.dumps(value, sort_keys=True, default=str)


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return _clean(text).encode("utf-8")


def _clean(text: str) -> str:
    """Escaped surrogate pairs joined, lone surrogates replaced: JSON can hold what UTF-8 cannot."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
