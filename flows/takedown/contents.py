"""New content for a table's file: rows of documents that were taken down go, and texts that tell of them are blanked.

``records`` and what ingest set aside leave a row that tells the fate and nothing else, as the next ingest would write
it. In a table whose key names documents their rows go. In any other a cell that holds a needle is blanked; so are cells
of documents that stay, but for their own words, which may mention an address.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gristmill.core.files.parquet import read_rows
from gristmill.flows.takedown.proof.columns import is_text, of_array
from gristmill.flows.takedown.proof.needles import Finder
from gristmill.flows.takedown.proof.search import OF_OTHERS
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import TABLES, Records, SetAside
from gristmill.tasks.ingest.barred import Barred, taken_row
from gristmill.tasks.ingest.parts import host_of

BLANK = "[taken down]"
MOST_ROUNDS = 8
"""Blanking may bring two halves of a needle together, but not forever."""
IDENTITIES = ("doc_id", "other")


def new_content(path: Path, table: str, barred: Barred, finder: Finder) -> pa.Table | None:
    """The rows of a file without what was taken down; None where it has nothing of it. Memory: the file's rows."""
    import pyarrow.parquet as pq

    names = pq.read_schema(path).names
    if table == SetAside.name:
        return _set_aside(path, barred, finder)
    named = [name for name in IDENTITIES if name in names and _is_of_documents(table, names)]
    gone = None
    if named:
        identities = read_rows(path, named)
        wanted = pa.array(sorted(barred.documents), pa.string())
        flags = [pc.is_in(identities[name], wanted) for name in named]
        gone = flags[0] if len(flags) == 1 else pc.or_(*flags)
        if not pc.any(gone).as_py():
            gone = None
    texts = [name for name in names if not named or name not in OF_OTHERS]
    touched = _touched(path, texts, finder)
    if gone is None and not touched:
        return None
    rows = read_rows(path)
    if gone is not None:
        rows = rows.filter(pc.invert(gone))
    return blanked(rows, texts, finder)


def taken_records(path: Path, barred: Barred) -> list[dict[str, Any]]:
    """The rows of ``set_aside`` that the records of a file leave, for those that were taken down."""
    rows = read_rows(path, ["doc_id", "source", "record_uri"])
    gone = rows.filter(pc.is_in(rows["doc_id"], pa.array(sorted(barred.documents), pa.string())))
    return [taken_row(row["doc_id"], row["source"], row["record_uri"]) for row in gone.to_pylist()]


def _is_of_documents(table: str, names: Collection[str]) -> bool:
    """Whether each row is about one document (or a pair of them), so that it goes with it."""
    known = TABLES.get(table)
    return table == Records.name or ("doc_id" in names if known is None else "doc_id" in known.key)


def _set_aside(path: Path, barred: Barred, finder: Finder) -> pa.Table | None:
    """Records of ingest leave their fate; those of later stages go, since the record has its fate at ingest now."""
    rows = read_rows(path)
    kept: list[dict[str, Any]] = []
    changed = False
    for row in rows.to_pylist():
        mine = row["kind"] == "record" and barred.covers(row["url"], host_of(row["url"]), None, row["doc_id"])
        if not mine or row["reason"] == "takedown":
            kept.append(row)
            continue
        changed = True
        if row["stage"] == StageName.INGEST:
            kept.append(taken_row(row["doc_id"], row["source"], row["record_uri"]))
    touched = _touched(path, rows.column_names, finder)
    if not changed and not touched:
        return None
    return blanked(pa.Table.from_pylist(kept, schema=rows.schema), rows.column_names, finder)


def _touched(path: Path, names: list[str], finder: Finder) -> bool:
    """Whether a cell of the named columns holds a needle."""
    rows = read_rows(path, [name for name in names if name not in OF_OTHERS])
    wide = [name for name in names if name in OF_OTHERS]
    columns = [column for column in rows.columns if is_text(column.type)]
    if any(True for column in columns for chunk in column.chunks for _ in of_array(chunk, finder)):
        return True
    for name in wide:
        for chunk in read_rows(path, [name]).column(0).chunks:
            if is_text(chunk.type) and any(True for _ in of_array(chunk, finder)):
                return True
    return False


def blanked(rows: pa.Table, names: list[str], finder: Finder) -> pa.Table:
    """The rows with the needles in cells of the named columns of texts blanked."""
    for name in names:
        place = rows.column_names.index(name)
        column = rows.column(place)
        if not is_text(column.type) or not any(True for chunk in column.chunks for _ in of_array(chunk, finder)):
            continue
        cells = [blanked_value(value, finder) for value in column.to_pylist()]
        rows = rows.set_column(place, rows.schema.field(place), pa.array(cells, column.type))
    return rows


def blanked_value(value: Any, finder: Finder) -> Any:
    """A JSON value, or the cell of a column, in which no needle is left; everything else is as it was."""
    if isinstance(value, str):
        return blanked_bytes(value.encode("utf-8", "surrogatepass"), finder).decode("utf-8", "surrogatepass")
    if isinstance(value, bytes):
        return blanked_bytes(value, finder)
    if isinstance(value, dict):
        return {blanked_value(name, finder): blanked_value(part, finder) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(blanked_value(part, finder) for part in value)
    return value


def blanked_bytes(data: bytes, finder: Finder) -> bytes:
    """Bytes with every needle blanked, the whole of an address with its scheme and what follows it."""
    for _ in range(MOST_ROUNDS):
        matches = finder(data)
        if not matches:
            break
        spans = sorted(finder.extent(data, match) for match in matches)
        parts, done = [], 0
        for low, high in spans:
            if low < done:
                continue
            width = matches[0].form
            blank = BLANK.encode(width) if width.startswith("utf-16") else BLANK.encode()
            parts += [data[done:low], blank]
            done = high
        data = b"".join([*parts, data[done:]])
    return data
