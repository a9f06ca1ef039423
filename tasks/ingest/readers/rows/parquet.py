"""Parquet: every row is a record, its text column the page.

A file whose footer is gone is one damage item, because its rows are unknown; a row group that cannot be read is one
damage item that names its row count. ``record_uri`` is ``name@row:17``, from 0. Cost: one pass; one batch of rows in
memory at a time.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gristmill.tasks.ingest.readers.expansion import bound, over
from gristmill.tasks.ingest.readers.items import Aside, Items, ReadOptions
from gristmill.tasks.ingest.readers.reasons import Reason
from gristmill.tasks.ingest.readers.rows.columns import DEFAULT_ID, DEFAULT_URL
from gristmill.tasks.ingest.readers.rows.rows import read_row

BATCH_ROWS = 512
BATCH_BYTES = 256 << 20
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}

Value = object


def read_parquet(path: Path, name: str, options: ReadOptions) -> Items:
    """The rows of a Parquet file.

    Raises :class:`gristmill.tasks.ingest.readers.rows.columns.ColumnsError` for a column that the config names and the
    file lacks.
    """
    size = path.stat().st_size
    if size == 0:
        yield Aside(f"{name}@0+0", Reason.EMPTY_FILE, "the file has 0 bytes", damage=True)
        return
    try:
        file = pq.ParquetFile(path)
        shared = pq.ParquetFile(path, read_dictionary=_texts(file.schema_arrow))
    except (pa.ArrowException, OSError, EOFError) as error:
        yield Aside(f"{name}@0+{size}", Reason.UNREADABLE, f"no Parquet file: {error}"[:300], damage=True)
        return
    with file, shared:
        columns = _columns(file.schema_arrow, name, options)
        row = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if fault := _expands(file.metadata.row_group(group), columns):
                yield Aside(f"{name}@row:{row}+{rows}", Reason.EXPANDS, f"row group {group}: {fault}", damage=True)
            else:
                chosen = shared if _repeats_long_values(shared, group, columns) else file
                yield from _row_group(chosen, group, row, rows, columns, name, options)
            row += rows


def _expands(group: pq.RowGroupMetaData, columns: list[str]) -> str:
    """What to say of a row group whose pages grow beyond measure; empty when they do not."""
    for number in range(group.num_columns):
        chunk = group.column(number)
        if chunk.path_in_schema in columns and chunk.total_uncompressed_size > bound(chunk.total_compressed_size):
            return over(chunk.total_compressed_size, chunk.total_uncompressed_size)
    return ""


def _repeats_long_values(shared: pq.ParquetFile, group: int, columns: list[str]) -> bool:
    """Whether a batch could hold the same long value hundreds of times: then it is read with its dictionary, in which
    each value is once. Reading all files so would take three times as long. Cost: the first page of each column."""
    try:
        first = next(shared.iter_batches(batch_size=1, row_groups=[group], columns=columns, use_threads=False), None)
    except (pa.ArrowException, OSError, EOFError):
        return False  # whoever reads the row group says what is wrong with it
    held = [column.dictionary for column in first.columns if pa.types.is_dictionary(column.type)] if first else []
    longest = [pc.max(pc.binary_length(values)).as_py() or 0 for values in held if _is_text(values.type)]
    return max(longest, default=0) * BATCH_ROWS > BATCH_BYTES


def _is_text(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary))


def _texts(schema: pa.Schema) -> list[str]:
    """The top columns that hold text."""
    return [field.name for field in schema if _is_text(field.type)]


def _row_group(
    file: pq.ParquetFile, group: int, first: int, rows: int, columns: list[str], name: str, options: ReadOptions
) -> Items:
    done = 0
    try:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, row_groups=[group], columns=columns, use_threads=False):
            for values in _rows(batch):
                yield read_row(values, f"{name}@row:{first + done}", options)
                done += 1
    except (pa.ArrowException, OSError, EOFError) as error:
        detail = f"row group {group} cannot be read; {rows - done} of its {rows} rows are lost: {error}"
        yield Aside(f"{name}@row:{first + done}+{rows - done}", Reason.UNREADABLE, detail[:300], damage=True)


def _rows(batch: pa.RecordBatch) -> Iterator[dict[str, Value]]:
    """Rows as dicts."""
    columns = [python_values(column) for column in batch.columns]
    return (dict(zip(batch.schema.names, values, strict=True)) for values in zip(*columns, strict=True))


def python_values(column: pa.Array) -> list[Value]:
    """The values of a column as Python has them.

    Text whose bytes are not UTF-8 has replacement characters. Moments are in UTC, to the microsecond; those that Python
    has no form for, such as the year 10000, are text. Arrow's own conversion raises for both, and for nanoseconds.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        once = python_values(column.dictionary)
        return [None if place is None else once[place] for place in column.indices.to_pylist()]
    if isinstance(kind, pa.BaseExtensionType):
        return python_values(column.storage)
    if pa.types.is_struct(kind):
        fields = [python_values(column.field(number)) for number in range(kind.num_fields)]
        names = [kind.field(number).name for number in range(kind.num_fields)]
        rows = zip(*fields, strict=True) if fields else (() for _ in column)
        present = column.is_valid().to_pylist()
        return [
            dict(zip(names, row, strict=True)) if is_there else None
            for row, is_there in zip(rows, present, strict=True)
        ]
    if pa.types.is_timestamp(kind):
        return [_moment(value, kind.unit) for value in column.cast(pa.int64()).to_pylist()]
    if pa.types.is_date(kind):
        days = column.cast(pa.date32(), safe=False).cast(pa.int32()).to_pylist()
        return [None if value is None else _moment(value * 86_400, "s") for value in days]
    try:
        values: list[Value] = column.to_pylist()
    except UnicodeDecodeError:
        texts = column.cast(pa.large_binary()).to_pylist()
        return [None if text is None else text.decode("utf-8", "replace") for text in texts]
    except (ValueError, OverflowError):  # times, durations and lists of moments that Python has no form for
        return [str(value) for value in column]
    return values


def _moment(value: int | None, unit: str) -> datetime | str | None:
    if value is None:
        return None
    microseconds = value // 1000 if unit == "ns" else value * MICROSECONDS[unit]
    try:
        return EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return f"{value} {unit} after 1970"


def _columns(schema: pa.Schema, name: str, options: ReadOptions) -> list[str]:
    """The columns to read, as Parquet names them: a column, or the leaf of a struct with dots."""
    nested = dict.fromkeys(path for path in _paths(schema) if path not in schema.names)
    options.columns.check(name, [*schema.names, *nested])
    wanted = [options.columns.text, *options.columns.stated()]
    return sorted({*wanted, *(column for column in (DEFAULT_ID, DEFAULT_URL) if column in schema.names)})


def _paths(fields: pa.Schema | pa.StructType, prefix: str = "") -> list[str]:
    """The dotted names of all columns and the fields of structs."""
    found = []
    for field in fields:
        found.append(prefix + field.name)
        if pa.types.is_struct(field.type):
            found += _paths(field.type, f"{prefix}{field.name}.")
    return found
