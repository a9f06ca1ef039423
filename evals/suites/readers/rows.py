"""Rows of published benchmark files: JSON lines, JSON, CSV, TSV, Arrow streams, Parquet.

The name's ending says which; ``.gz`` is unpacked first. A row is a dictionary, or a list of cells for a CSV file
without a header. Cost: one pass; memory, the file.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.core.errors import UsageError
from gristmill.evals.suites.readers.json_text import parse_json

MOST_BYTES = 1 << 30
"""Most bytes that a packed file may unpack to: ten times the largest benchmark file."""

GZIP = b"\x1f\x8b"
AGAIN = "Copy or download it again (gzip -t checks it), or pack it again from the original."

Row = dict[str, Any]


def text_of(path: Path) -> str:
    """The text of a file, unpacked where its name ends in ``.gz``.

    Raises :class:`UsageError` for text that is not UTF-8, for a packed file without ``.gz`` in its name or the reverse,
    for a damaged or truncated file, and for one that unpacks to more than :data:`MOST_BYTES`.
    """
    try:
        content = _unpacked(path) if path.suffix == ".gz" else path.read_bytes()
        return content.decode("utf-8-sig")
    except EOFError as error:
        raise UsageError(f"{path}: this gzip file is cut off: {error}. {AGAIN}") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        if not _packed(path):
            raise UsageError(
                f"{path}: this is not a gzip file, although its name says so. Take .gz off the name, or pack it "
                "with gzip."
            ) from error
        raise UsageError(f"{path}: this gzip file is damaged: {error}. {AGAIN}") from error
    except OSError as error:
        raise UsageError(f"{path}: this file cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        if _packed(path) and path.suffix != ".gz":
            raise UsageError(f"{path}: this file is packed with gzip. Rename it to {path.name}.gz.") from error
        raise UsageError(
            f"{path}: this is not UTF-8 text: {error}. Convert it, such as with iconv -f GB18030 -t UTF-8."
        ) from error


def _packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(GZIP)) == GZIP


def _unpacked(path: Path) -> bytes:
    with gzip.open(path) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UsageError(f"{path}: it unpacks to more than {MOST_BYTES >> 20} MiB. Split it, or unpack it yourself.")
    return content


def json_of(path: Path) -> Any:
    """The JSON value of a file. Raises :class:`UsageError` for anything else."""
    return parse_json(text_of(path), str(path), "file")


def rows_of(paths: Sequence[Path]) -> Iterator[tuple[str, Row]]:
    """``(file:row, row)`` of every row with named columns, counted from 1 (in JSON lines: the line).

    Raises :class:`UsageError` for a file that is not what its name says, and for an unknown ending.
    """
    for path in paths:
        for number, row in _rows(path):
            if not isinstance(row, dict):
                raise UsageError(f"{path}:{number}: this row is not an object with named fields")
            yield f"{path.name}:{number}", row


def cells_of(path: Path, delimiter: str = ",") -> Iterator[tuple[str, list[str]]]:
    """``(file:row, cells)`` of a CSV file without header. For TSV files like MGSM's, without quotes, pass ``\\t``."""
    lines = io.StringIO(text_of(path), newline="")
    if delimiter == "\t":
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(lines, delimiter=delimiter)
    for number, cells in enumerate(reader, start=1):
        yield f"{path.name}:{number}", cells


def need(row: Row, place: str, *names: str) -> list[Any]:
    """The values of the columns ``names``. Raises :class:`UsageError` for one that the row does not have."""
    missing = [name for name in names if name not in row]
    if missing:
        raise UsageError(
            f"{place}: there is no {missing[0]!r}; it has {', '.join(row)}. Is it a file of this benchmark?"
        )
    return [row[name] for name in names]


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    name = path.name.removesuffix(".gz")
    if name.endswith(".jsonl"):
        for number, line in enumerate(text_of(path).split("\n"), start=1):
            if line.strip():
                yield number, parse_json(line, f"{path}:{number}")
    elif name.endswith(".json"):
        yield from enumerate(json_of(path), start=1)
    elif name.endswith((".arrow", ".parquet")):
        yield from enumerate(_table(path).to_pylist(), start=1)
    elif name.endswith(".csv"):
        yield from enumerate(csv.DictReader(io.StringIO(text_of(path), newline="")), start=1)
    else:
        raise UsageError(f"{path}: files of this kind are not read; give .jsonl, .json, .csv, .arrow or .parquet")


def _table(path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        with pa.memory_map(str(path)) as file:
            return pa.ipc.open_stream(file).read_all()
    except pa.ArrowInvalid as error:
        raise UsageError(f"{path}: this is not a valid {path.suffix[1:]} file: {error}") from error
