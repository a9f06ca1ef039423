"""Looking for needles in every file under a folder: the one search that takedown and tests of redaction prove with.

Each file is read as bytes, and also taken apart where its content is stored otherwise: the columns of Parquet, SQLite
and DuckDB, what gzip, Zstandard and zip archives hold, and the text that a token store stands for, which is decoded, so
a passage is found wherever tokens begin and end. Links are not followed; names of files are searched too. A file that
cannot be read is named, since nothing is known of it.

Cost: one read of every file, and the decoding of what is compressed; memory a batch of rows.
"""

import sqlite3
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pyarrow as pa

from gristmill.core.files.parquet import open_parquet, raised_as_damage
from gristmill.flows.takedown.needles import Finder, Match, NeedleKind
from gristmill.flows.takedown.token_text import token_pieces

PIECE_BYTES = 8 << 20
BATCH_ROWS = 512
SQLITE, PARQUET, GZIP, ZSTD, ZIP = b"SQLite format 3\0", b"PAR1", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
OF_OTHERS = frozenset({"text", "payload", "prompt", "program", "expected", "tokens"})
"""Columns that hold the words of documents and models: an address there is a mention of the page, not the page."""


@dataclass(frozen=True)
class Hit:
    """Where a needle was found: the file, relative to the folder searched, the place in it, and the document, if known.

    ``mention``: an address inside the words of another document.
    """

    path: str
    place: str
    needle: str
    kind: NeedleKind
    form: str
    doc_id: str | None = None
    mention: bool = False


@dataclass
class Searched:
    """What a search read, what it found, and which files it could not read. ``read``: files by how they were read."""

    files: int = 0
    bytes: int = 0
    read: Counter[str] = field(default_factory=Counter)
    hits: list[Hit] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)

    @property
    def remaining(self) -> list[Hit]:
        """What should not be there: all but mentions."""
        return [hit for hit in self.hits if not hit.mention]


Place = tuple[str, str | None, Match]
"""The place in a file, the document, the match."""


def search(
    root: Path,
    finder: Finder,
    skip: Collection[Path] = (),
    told: Callable[[Path, int], None] = lambda _path, _size: None,
) -> Searched:
    """Look for the needles in every file under ``root`` (or in the file), but for files and folders in ``skip``.

    ``told`` is called for each file with its size.
    """
    found = Searched()
    for path in walk(root, skip):
        name = path.relative_to(root).as_posix() if path != root else path.name
        size = path.lstat().st_size
        told(path, size)
        found.files += 1
        found.bytes += size
        for match in finder(name.encode("utf-8", "surrogateescape")):
            found.hits.append(_hit(name, ("the name of the file", None, match)))
        if path.is_symlink():
            continue
        try:
            kind, places = _places(path, finder)
            found.read[kind] += 1
            seen: set[tuple[str, str | None, str, str]] = set()
            for place in places:
                hit = _hit(name, place)
                key = (hit.place, hit.doc_id, hit.needle, hit.form)
                if key not in seen:
                    seen.add(key)
                    found.hits.append(hit)
        except Exception as error:  # whatever a damaged file makes its reader raise, it is named and the search goes on
            found.unread.append((name, f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"))
    return found


def walk(root: Path, skip: Collection[Path] = ()) -> Iterator[Path]:
    """Files and links under a folder, in order of name."""
    if root in skip or (not root.exists() and not root.is_symlink()):
        return
    if root.is_dir() and not root.is_symlink():
        for path in sorted(root.iterdir()):
            yield from walk(path, skip)
    elif root.is_symlink() or root.is_file():
        yield root


def _hit(path: str, place: Place) -> Hit:
    where, doc_id, match = place
    mention = match.needle.kind is NeedleKind.ADDRESS and where.rpartition(" ")[2] in OF_OTHERS
    return Hit(path, where, match.needle.name, match.needle.kind, match.form, doc_id, mention)


def _places(path: Path, finder: Finder) -> tuple[str, Iterator[Place]]:
    """How a file is read, and what is found in it."""
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(PARQUET):
        return "parquet", _both(_of_bytes(path, finder, addresses=False), _of_parquet(path, finder))
    if head == SQLITE:
        return "sqlite", _both(_of_bytes(path, finder), _of_sqlite(path, finder))
    if head[8:12] == b"DUCK":
        return "duckdb", _both(_of_bytes(path, finder), _of_duckdb(path, finder))
    if head.startswith(GZIP) and ".warc" in path.name:
        return "warc", _both(_of_bytes(path, finder), _of_warc(path, finder))
    if head.startswith(GZIP):
        return "gzip", _both(_of_bytes(path, finder), _of_pieces(_gunzipped(path), finder, "unpacked"))
    if head.startswith(ZSTD):
        return "zstd", _both(_of_bytes(path, finder), _of_pieces(_unzstd(path), finder, "unpacked"))
    if head.startswith(ZIP):
        return "zip", _both(_of_bytes(path, finder), _of_zip(path, finder))
    if path.suffix == ".tok":
        return "tokens", _both(_of_bytes(path, finder), _of_tokens(path, finder))
    return "bytes", _of_bytes(path, finder)


def _both(*parts: Iterator[Place]) -> Iterator[Place]:
    for part in parts:
        yield from part


def _of_bytes(path: Path, finder: Finder, *, addresses: bool = True) -> Iterator[Place]:
    """As it stands. ``addresses``: also those, which stand beside other bytes where columns follow one another."""
    with path.open("rb") as file:
        where = f"line of {'text' if _lines_of_documents(path) else 'the file'}"
        for place in _of_pieces(_pieces(file), finder, where):
            if addresses or place[2].needle.kind is not NeedleKind.ADDRESS:
                yield place


def _lines_of_documents(path: Path) -> bool:
    """Whether a file holds the words of documents or models: held-out text, stored answers."""
    return path.suffix == ".jsonl" and bool({"heldout", "responses"} & {part.name for part in path.parents})


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece


def _of_pieces(pieces: Iterable[bytes], finder: Finder, where: str) -> Iterator[Place]:
    """Matches in a stream, each piece with the end of the one before, so that none is cut in two."""
    held = b""
    for piece in pieces:
        data = held + piece
        for match in finder(data):
            if match.end > len(held):
                yield where, None, match
        held = data[-(finder.longest - 1) :] if finder.longest > 1 else b""


def _gunzipped(path: Path) -> Iterator[bytes]:
    """What all members of a gzip file hold; what follows the last one is passed over."""
    with path.open("rb") as file:
        reader = zlib.decompressobj(31)
        for piece in _pieces(file):
            rest = piece
            while rest:
                yield reader.decompress(rest)
                rest = reader.unused_data
                if reader.eof:
                    reader = zlib.decompressobj(31)
                    if rest and not rest.startswith(GZIP[: len(rest)]):
                        return


def _of_warc(path: Path, finder: Finder) -> Iterator[Place]:
    """What the members of a WARC hold: an address in the header of a record is the page's, in a payload a mention."""
    held = b""
    for piece in _gunzipped(path):
        data = held + piece
        for match in finder(data):
            if match.end > len(held):
                line = data[: match.start].rpartition(b"\n")[2]
                yield "unpacked header" if line.startswith(b"WARC-") else "unpacked payload", None, match
        held = data[-(finder.longest + 256) :]


def _unzstd(path: Path) -> Iterator[bytes]:
    import zstandard

    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as reader:
        while piece := reader.read(PIECE_BYTES):
            yield piece


def _of_zip(path: Path, finder: Finder) -> Iterator[Place]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            with archive.open(info) as member:
                yield from _of_pieces(_pieces(member), finder, f"unpacked {info.filename}")


def _of_parquet(path: Path, finder: Finder) -> Iterator[Place]:
    """Each column of texts or bytes, a batch of rows at a time, with the document of the row."""
    with open_parquet(path) as file, raised_as_damage(path):
        names = [field.name for field in file.schema_arrow if is_text(field.type)]
        identity = ["doc_id"] if "doc_id" in file.schema_arrow.names else []
        for name in names:
            for batch in file.iter_batches(BATCH_ROWS, columns=list(dict.fromkeys([name, *identity]))):
                for row, match in of_array(batch.column(name), finder):
                    yield f"column {name}", batch.column("doc_id")[row].as_py() if identity else None, match


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds texts, bytes, or lists of them."""
    value = kind.value_type if pa.types.is_list(kind) else kind
    return any(
        check(value)
        for check in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    )


def of_array(values: pa.Array, finder: Finder) -> Iterator[tuple[int, Match]]:
    """Rows of a column of texts, bytes or lists of them, and what is found in each.

    The bytes of all rows lie one after another, so they are looked at together, and only rows that may hold something
    are looked at alone.
    """
    import numpy as np

    if pa.types.is_list(values.type):
        parents = np.repeat(np.arange(len(values)), np.nan_to_num(np.array(_lengths(values), dtype=float)).astype(int))
        for row, match in of_array(values.flatten(), finder):
            yield int(parents[row]), match
        return
    wide = values.cast(pa.large_binary())
    _, ends, data = wide.buffers()
    if data is None or not len(wide):
        return
    offsets = np.frombuffer(ends, np.int64)[wide.offset : wide.offset + len(wide) + 1]
    view = memoryview(data)[int(offsets[0]) : int(offsets[-1])]
    rows = {
        int(np.searchsorted(offsets, offsets[0] + match.end - 1, side="right")) - 1 for match in finder.candidates(view)
    }
    for row in sorted(rows):
        low, high = int(offsets[row] - offsets[0]), int(offsets[row + 1] - offsets[0])
        for match in finder(view[low:high]):
            yield row, match


def _lengths(values: pa.Array) -> list[int | None]:
    import pyarrow.compute as pc

    lengths: list[int | None] = pc.list_value_length(values).to_pylist()
    return lengths


def _of_sqlite(path: Path, finder: Finder) -> Iterator[Place]:
    """Each text and blob of every table, with what the write-ahead log holds."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        database.text_factory = bytes
        for table in _tables(database):
            cursor = database.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - names of the database itself
            names = [entry[0] for entry in cursor.description]
            for row in cursor:
                for name, value in zip(names, row, strict=True):
                    if isinstance(value, bytes):
                        for match in finder(value):
                            yield f"table {table}, column {name}", None, match


def _tables(database: sqlite3.Connection) -> list[str]:
    rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [name.decode() if isinstance(name, bytes) else name for (name,) in rows]


def _of_duckdb(path: Path, finder: Finder) -> Iterator[Place]:
    """Each column of texts of every table."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as database:
        columns = database.execute(
            "SELECT c.table_name, c.column_name FROM duckdb_columns() c JOIN duckdb_tables() t USING (table_oid) "
            "WHERE c.data_type LIKE 'VARCHAR%' OR c.data_type IN ('JSON', 'BLOB')"
        ).fetchall()
        for table, column in columns:
            rows = database.sql(f'SELECT "{column}" FROM "{table}"')  # noqa: S608 - names of the database itself
            for batch in rows.to_arrow_reader(BATCH_ROWS):
                for _, match in of_array(batch.column(0), finder):
                    yield f"table {table}, column {column}", None, match


def _of_tokens(path: Path, finder: Finder) -> Iterator[Place]:
    """The text that the tokens of each document stand for."""
    for doc_id, text in token_pieces(path):
        for match in finder(text):
            yield "the text of the tokens", doc_id, match
