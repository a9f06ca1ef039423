"""Texts for training and scoring: read from any table or folder of texts, and put on one line each.

fastText takes a text as one line. As DCLM does (``" ".join(content.strip().splitlines())``), line ends become spaces;
datatrove's default of nothing instead of a space glues words together and gives other scores from the same model.
Cost: memory holds the texts.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from schemas.errors import GristmillError, UsageError
from tasks.extraction.decoding import decode
from tasks.ingest import read_items
from tasks.inputs import find_inputs
from tasks.readers.columns import ColumnMap
from tasks.readers.items import Aside, Limits, Page
from tasks.sources import InputFile

MAX_TEXT_BYTES = 100_000_000
ROW, CONVERSION = "row", "conversion"
PLAIN = ("text/plain", "text/markdown")
WHITE_SPACE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())  # what str.strip takes off
LINE_ENDS = "[\n-\r\x1c-\x1e\x85\u2028\u2029]"  # where str.splitlines splits


@dataclass(frozen=True)
class Texts:
    """Texts in the order of the input, where each is from, the files, how many records gave no text, and a line for
    people on each file that was not read and each damaged stretch."""

    texts: pl.Series
    uris: pl.Series
    files: tuple[InputFile, ...]
    set_aside: int
    not_read: tuple[str, ...] = ()


def read_texts(inputs: Sequence[str], text_column: str, *, follow_links: bool = False) -> Texts:
    """The texts under ``inputs``: JSON Lines, Parquet, CSV, WET or files of plain text, also compressed.
    ``follow_links``: also behind links that lead out of a folder.

    Raises :class:`UsageError` for what is not there, holds no text, or holds HTML, which has to be extracted first, and
    :class:`GristmillError` for an input of which nothing can be read.
    """
    limits = Limits(MAX_TEXT_BYTES, ColumnMap(text=text_column))
    found = find_inputs(inputs, follow_links=follow_links)
    files = found.files
    unread: set[str] = set()
    not_read = found.skipped_lines()
    texts: list[str] = []
    uris: list[str] = []
    set_aside = 0
    with tempfile.TemporaryDirectory(prefix="gristmill-") as downloads:
        for file in files:
            unread.add(file.name)
            with file.opened(Path(downloads)) as path:
                for item in read_items(path, file.name, limits):
                    if isinstance(item, Page) or not (item.damage or item.unread):
                        unread.discard(file.name)
                    text = _text(item) if isinstance(item, Page) else None
                    if isinstance(item, Aside) and (item.damage or item.unread):
                        not_read.append(f"{'not read' if item.unread else 'damaged'}: {item.uri}: {item.detail}")
                    elif text is None:
                        set_aside += 1
                    else:
                        texts.append(text)
                        uris.append(item.uri)
    if lost := found.lost(unread):
        raise GristmillError(f"nothing could be read of {', '.join(lost)}. Mend it or leave it out.")
    if not texts:
        raise UsageError(
            f"{', '.join(inputs)}: no text was found in {len(files)} files. Name the column of the text with "
            f"--text-column (it is {text_column!r} now)."
        )
    return Texts(pl.Series(texts, dtype=pl.String), pl.Series(uris, dtype=pl.String), files, set_aside, tuple(not_read))


def _text(page: Page) -> str | None:
    if page.record_type == ROW:
        return page.payload.decode("utf-8", "replace")
    if page.record_type != CONVERSION and page.content_type not in PLAIN:
        raise UsageError(
            f"{page.uri}: a classifier learns from text, and this is {page.content_type or 'a page'}. Make text of it "
            "first (gristmill curate), and give the curated Parquet."
        )
    found = decode(page.payload, page.charset, is_html=False)
    return None if found is None else found[0]


def one_line(texts: pl.Series) -> pl.Series:
    """Each text on one line, as DCLM gives it to fastText."""
    return texts.str.strip_chars(WHITE_SPACE).str.replace_all(LINE_ENDS, " ")
