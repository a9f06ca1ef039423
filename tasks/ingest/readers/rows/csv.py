"""CSV and TSV with a header line: every row is a record, its text column the page.

Fields as RFC 4180 and Python's csv module read them: a field that begins with a quote goes on to its closing quote,
over commas and line ends, a doubled quote inside stands for one; a quote further inside a field is a plain character.
With ``unquoted`` quotes mean nothing and every line is a row. The text is UTF-8, UTF-16 or UTF-32, its lines end in LF,
CR LF or CR (``gristmill.tasks.ingest.readers.rows.unicode``). The separator of ``.csv`` is the comma, or the semicolon
when the header has semicolons and no comma.

Stray quotes are common, and two of them would turn all the rows between them into one field. So a field
that goes on over a line end is believed only if its closing quote is followed by a separator or a line end, the row
then has as many fields as the header, and (TSV) its lines are not all rows by themselves: a table in a field may look
so, but not in a file that quotes what has to be quoted, and its cells are not numbers or URLs where the row's own are.
Otherwise the line with the quote is set aside alone, and reading goes on at the next line. A line is also set aside
(``row_not_csv``) when its number of fields is not the header's and when it is not UTF-8; a row of separators alone is
an empty one, however many they are, and one that repeats the header is not a row. ``record_uri`` is ``name@line:17``,
the line on which the row begins, from 1; the header is line 1. Cost: one pass (two over what follows such a quote up to
the next quote, or up to a row's limit); one row in memory at a time.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gristmill.tasks.ingest.readers.decompress import pieces
from gristmill.tasks.ingest.readers.items import Aside, Items, RawRecord, ReadOptions
from gristmill.tasks.ingest.readers.reasons import Reason
from gristmill.tasks.ingest.readers.rows.columns import ColumnsError
from gristmill.tasks.ingest.readers.rows.rows import LINE_FACTOR, Break, read_row, split_lines
from gristmill.tasks.ingest.readers.rows.unicode import utf8_pieces

# What a line holds of a quoted field, up to its closing quote or the end of the line.
QUOTED = re.compile(rb'(?:[^"]++|"")*+')
# What only a writer that quotes leaves in TSV: a quoted field, on one line, with a doubled quote inside.
NEEDED_QUOTES = re.compile(rb'(?:^|\t)"[^"\r\n]*+""(?:[^"\r\n]++|"")*+"(?=\t|\r?$)', re.M)
URL = re.compile(rb"[a-z][a-z0-9+.-]*://", re.I)

Line = bytes | Break | None


def read_csv(path: Path, name: str, options: ReadOptions, *, tabs: bool = False) -> Items:
    """The rows of a CSV file, or with ``tabs`` of a TSV file.

    Raises :class:`ColumnsError` for a header that lacks a column of the config, or names one twice.
    """
    if path.stat().st_size == 0:
        yield Aside(f"{name}@0+0", Reason.EMPTY_FILE, "the file has 0 bytes", damage=True)
        return
    longest = options.max_payload_bytes * LINE_FACTOR
    header: list[str] = []
    empty = True
    with path.open("rb") as file:
        source = _Source(utf8_pieces(pieces(file)))
        lines = _Lines(split_lines(iter(source), longest))
        fields = _Fields(lines, b"\t" if tabs else b",", longest, source, quoted=not options.unquoted)
        while lines.more():
            line = lines.take()
            uri = f"{name}@line:{lines.number}"
            if isinstance(line, Break):
                yield Aside(uri, line.reason, line.detail, damage=True)
            elif line is None:
                yield Aside(uri, Reason.TOO_LARGE, f"a line of more than {longest} bytes")
            elif not line.strip() and (not header or fields.separator not in line):
                continue
            elif not header:
                if not tabs and b"," not in line and b";" in line:
                    fields.separator = b";"
                header = _header(fields.of(line), name, options)
                fields.width = len(header)
            else:
                yield _row(fields.of(line), header, uri, options)
            empty = False
    if empty:
        yield Aside(f"{name}@0+{path.stat().st_size}", Reason.EMPTY_FILE, "nothing but blank lines", damage=True)


def _header(row: list[bytes] | str, name: str, options: ReadOptions) -> list[str]:
    """The names of the columns. Raises :class:`ColumnsError`."""
    if isinstance(row, str):
        raise ColumnsError(f"{name}: the first line should name the columns, and has {row}.")
    header = [field.decode("utf-8", "replace").strip() for field in row]
    options.columns.check(name, header)
    return header


def _row(row: list[bytes] | str, header: list[str], uri: str, options: ReadOptions) -> RawRecord | Aside:
    if isinstance(row, str):
        return Aside(uri, Reason.ROW_NOT_CSV, row)
    if len(row) != len(header):
        if not b"".join(row).strip():
            return Aside(uri, Reason.EMPTY_BODY, f"{len(row)} empty fields where the header has {len(header)}")
        return Aside(uri, Reason.ROW_NOT_CSV, f"{len(row)} fields where the header has {len(header)}")
    try:
        values = [field.decode("utf-8") for field in row]
    except UnicodeDecodeError as error:
        return Aside(uri, Reason.ROW_NOT_CSV, f"not UTF-8: {error}"[:200])
    if len(values) > 1 and [value.lstrip("\ufeff").strip() for value in values] == header:
        return Aside(uri, Reason.ROW_NOT_CSV, "the header again, as in files that were put one after the other")
    return read_row(dict(zip(header, values, strict=True)), uri, options)


@dataclass(slots=True)
class _Fields:
    """Takes rows apart. ``width`` is the number of columns, 0 while it is not known."""

    lines: "_Lines"
    separator: bytes
    longest: int
    source: "_Source"
    quoted: bool
    width: int = 0

    def of(self, line: bytes) -> list[bytes] | str:
        """The fields of the row that begins with ``line``; more lines are taken while a quote is open.

        Where the quote is a stray one those lines are given back, and a string says what is wrong.
        """
        if not self.quoted or b'"' not in line:
            return line.removesuffix(b"\r").split(self.separator)
        fields: list[bytes] = []
        taken: list[Line] = []
        place = 0
        while True:  # a field begins at ``place``
            if line[place : place + 1] == b'"':
                found = self._quoted(line, place + 1, taken, len(fields))
                if found is None:
                    return self._stray(taken, "a quote that is never closed")
                field, line, place = found
            else:
                field = b""
            end = line.find(self.separator, place)
            if end < 0:
                fields.append(field + line[place:].removesuffix(b"\r"))
                break
            fields.append(field + line[place:end])
            place = end + len(self.separator)
        if taken and self.width and len(fields) != self.width:
            over = f"{len(taken) + 1} lines, which then have {len(fields)} fields where the header has {self.width}"
            return self._stray(taken, f"a quote that goes on over {over}")
        return fields

    def _stray(self, taken: list[Line], fault: str) -> str:
        self.lines.give_back(taken)
        return fault

    def _quoted(self, line: bytes, place: int, taken: list[Line], before: int) -> tuple[bytes, bytes, int] | None:
        """The field whose content begins at ``place`` after its quote, the line on which it ends, and the place after
        its closing quote; None when it has none, within ``longest`` bytes, or is none (see above). Lines that are
        taken on the way go into ``taken``. ``before``: how many fields of the row come before it."""
        first, begun, size = line, len(taken), len(line)
        content: list[bytes] = []
        while True:
            held = QUOTED.match(line, place)
            content.append(held[0] if held else b"")
            place += len(content[-1])
            if place < len(line):  # at a quote that is not doubled
                after = line[place + 1 :].removesuffix(b"\r")
                if len(content) > 1 and after and not after.startswith(self.separator):
                    return None
                if len(content) > 1 and not begun:
                    lines = [first, *content[1:-1], content[-1] + after]
                    if self._holds_rows(lines, before, after.count(self.separator)):
                        return None
                return b"\n".join(content).replace(b'""', b'"'), line, place + 1
            if size > self.longest or not self.lines.more():
                return None
            follows = self.lines.take()
            taken.append(follows)
            if not isinstance(follows, bytes):
                return None
            line, place, size = follows, 0, size + len(follows) + 1

    def _holds_rows(self, lines: list[bytes], before: int, after: int) -> bool:
        """Whether the lines of a quoted field of a TSV file are rows: each has the tabs of a row, for text has few of
        them, and numbers and URLs where the fields of the row ``before`` and ``after`` this one are such."""
        if self.separator != b"\t" or self.width < 2 or self.source.needs_quotes:
            return False
        rows = [line for line in lines if line.strip()]
        if any(row.count(b"\t") != self.width - 1 for row in rows):
            return False
        own = {column: rows[0].split(b"\t")[column] for column in range(min(before, self.width))}
        own |= {column: rows[-1].split(b"\t")[column] for column in range(-after, 0)}
        return all(_alike(value, row.split(b"\t")[column]) for row in rows for column, value in own.items())


def _alike(own: bytes, other: bytes) -> bool:
    """Whether ``other`` may be of the same column: numbers go with numbers, URLs with URLs."""
    if own.strip().isdigit():
        return other.strip().isdigit()
    return URL.match(own) is None or URL.match(other) is not None


class _Source:
    """Pieces of a file in UTF-8; what the first of them shows is known when it is given."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces = pieces
        #: Whether the start of a TSV file was written by something that quotes what has to be quoted.
        self.needs_quotes = False

    def __iter__(self) -> Iterator[bytes]:
        first = next(self.pieces, b"")
        self.needs_quotes = NEEDED_QUOTES.search(first) is not None
        yield first
        yield from self.pieces


class _Lines:
    """Lines with the number of the one taken last; the last few can be given back."""

    def __init__(self, source: Iterator[Line]) -> None:
        self.source = source
        self.ahead: deque[Line] = deque()
        self.number = 0

    def more(self) -> bool:
        """Whether there is another line."""
        if not self.ahead:
            for line in self.source:
                self.ahead.append(line)
                break
        return bool(self.ahead)

    def take(self) -> Line:
        """The next line; see :func:`split_lines` for what it may be."""
        self.number += 1
        return self.ahead.popleft()

    def give_back(self, taken: list[Line]) -> None:
        """The lines that were taken last, to be taken again."""
        self.number -= len(taken)
        self.ahead.extendleft(reversed(taken))
