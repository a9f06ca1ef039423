"""Texts for training and scoring: read from any table or folder of texts, and put on one line each.

fastText takes a text as one line. As DCLM does (``" ".join(content.strip().splitlines())``), line ends become spaces;
datatrove's default removes them, which glues words together and changes the scores of the same model. Memory: all
texts.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from gristmill.core.errors import GristmillError, UsageError
from gristmill.tasks.extraction.decoding import decode
from gristmill.tasks.ingest.discovery import find_inputs
from gristmill.tasks.ingest.ingest import read_items
from gristmill.tasks.ingest.readers.items import Aside, RawRecord, ReadOptions
from gristmill.tasks.ingest.readers.rows.columns import ColumnMap
from gristmill.tasks.ingest.sources import InputFile

MAX_TEXT_BYTES = 100_000_000
ROW, CONVERSION = "row", "conversion"
PLAIN = ("text/plain", "text/markdown")
WHITE_SPACE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())  # what str.strip takes off
LINE_ENDS = "[\n-\r\x1c-\x1e\x85\u2028\u2029]"  # where str.splitlines splits


@dataclass(frozen=True)
class Texts:
    """Texts in the order of the input, where each is from, the files, how many records gave no text, and a line for
    people on each file that was not read and each damaged byte range. ``identities``: what the input calls each."""

    texts: pl.Series
    uris: pl.Series
    files: tuple[InputFile, ...]
    set_aside: int
    not_read: tuple[str, ...] = ()
    identities: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))


@dataclass(frozen=True)
class InputOptions:
    """How inputs are read, as a curation reads them. ``columns``: which columns of rows hold what; ``unquoted``: quotes
    of CSV and TSV are plain characters; ``follow_links``: also links that lead out of a folder; ``allow_damage``: go on
    without an input of which nothing can be read."""

    columns: ColumnMap = field(default_factory=ColumnMap)
    unquoted: bool = False
    follow_links: bool = False
    allow_damage: bool = False


def read_texts(inputs: Sequence[str], reading: InputOptions = InputOptions()) -> Texts:
    """The texts under ``inputs``: JSON Lines, Parquet, CSV, WET or files of plain text, also compressed.

    Raises :class:`UsageError` for what is not there, holds no text, or holds HTML, which has to be extracted first, and
    :class:`GristmillError` for an input of which nothing can be read.
    """
    options = ReadOptions(MAX_TEXT_BYTES, reading.columns, reading.unquoted)
    found = find_inputs(inputs, follow_links=reading.follow_links, allow_unread=reading.allow_damage)
    files = found.files
    unread: set[str] = set()
    not_read = found.skipped_lines()
    texts: list[str] = []
    uris: list[str] = []
    identities: list[str | None] = []
    set_aside = 0
    with tempfile.TemporaryDirectory(prefix="gristmill-") as downloads:
        for file in files:
            unread.add(file.name)
            with file.opened(Path(downloads)) as path:
                for item in read_items(path, file.name, options):
                    if isinstance(item, RawRecord) or not (item.damage or item.unread):
                        unread.discard(file.name)
                    text = _text(item) if isinstance(item, RawRecord) else None
                    if isinstance(item, Aside) and (item.damage or item.unread):
                        not_read.append(f"{'not read' if item.unread else 'damaged'}: {item.uri}: {item.detail}")
                    elif text is None:
                        set_aside += 1
                    else:
                        texts.append(text)
                        uris.append(item.uri)
                        identities.append(item.native_id)
    if (lost := found.lost(unread)) and not reading.allow_damage:
        raise GristmillError(
            f"nothing could be read of {', '.join(lost)}. Repair it or leave it out, or give --allow-damage to go on "
            "without it."
        )
    if not texts:
        raise UsageError(
            f"{', '.join(inputs)}: no text was found in {len(files)} files. Name the column of the text with "
            f"--map text=COLUMN (it is {reading.columns.text!r} now)."
        )
    columns = (pl.Series(each, dtype=pl.String) for each in (texts, uris, identities))
    words, places, names = columns
    return Texts(words, places, files, set_aside, tuple(not_read), names)


def _text(page: RawRecord) -> str | None:
    if page.record_type == ROW:
        return page.payload.decode("utf-8", "replace")
    if page.record_type != CONVERSION and page.content_type not in PLAIN:
        raise UsageError(
            f"{page.uri}: a classifier learns from text, and this is {page.content_type or 'a page'}. Extract its text "
            "first (gristmill curate), and give the curated Parquet."
        )
    found = decode(page.payload, page.charset, is_html=False)
    return None if found is None else found[0]


def one_line(texts: pl.Series) -> pl.Series:
    """Each text on one line, as DCLM gives it to fastText."""
    return texts.str.strip_chars(WHITE_SPACE).str.replace_all(LINE_ENDS, " ")
