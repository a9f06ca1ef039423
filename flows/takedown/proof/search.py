"""Looking for needles in every file under a folder: the one search that takedown and tests of redaction prove with.

Each file is read as bytes, and also taken apart where its content is stored otherwise: the columns of Parquet, SQLite
and DuckDB, what gzip, Zstandard and zip archives hold, and the text that a token store stands for, which is decoded, so
a passage is found wherever tokens begin and end. Links are not followed; names of files are searched too. A file that
cannot be read is named, since nothing is known of it.

Cost: one read of every file, and the decoding of what is compressed; memory a batch of rows.
"""

import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from gristmill.flows.takedown.proof.columns import Place, of_duckdb, of_parquet, of_sqlite, of_tokens
from gristmill.flows.takedown.proof.needles import Finder, NeedleKind

PIECE_BYTES = 8 << 20
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
        return "parquet", _both(_of_bytes(path, finder, addresses=False), of_parquet(path, finder))
    if head == SQLITE:
        return "sqlite", _both(_of_bytes(path, finder), of_sqlite(path, finder))
    if head[8:12] == b"DUCK":
        return "duckdb", _both(_of_bytes(path, finder), of_duckdb(path, finder))
    if head.startswith(GZIP) and ".warc" in path.name:
        return "warc", _both(_of_bytes(path, finder), _of_warc(path, finder))
    if head.startswith(GZIP):
        return "gzip", _both(_of_bytes(path, finder), _of_pieces(_gunzipped(path), finder, "unpacked"))
    if head.startswith(ZSTD):
        return "zstd", _both(_of_bytes(path, finder), _of_pieces(_unzstd(path), finder, "unpacked"))
    if head.startswith(ZIP):
        return "zip", _both(_of_bytes(path, finder), _of_zip(path, finder))
    if path.suffix == ".tok":
        return "tokens", _both(_of_bytes(path, finder), of_tokens(path, finder))
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
