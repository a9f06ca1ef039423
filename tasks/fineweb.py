"""FineWeb's own signals. Source: Penedo et al. 2024, section 3.6; datatrove 0.10 ``fineweb_quality_filter.py``.

Lines are the pieces between line feeds that hold more than white space. ``dup_line_char_ratio`` differs from Gopher's
column of that name: other lines, and line feeds do not count in its denominator. A document without such lines, which
upstream drops as empty, has 0 in every column but ``newline_word_ratio``.

Cost: see docs/signals.md; the token table and the lines take about half each.
"""

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas.config import Config
from schemas.signals import SignalsFineWeb
from schemas.tables import Documents
from tasks.lines import count, frame, ratio, repeated, split, stripped, total
from tasks.punctuation import TERMINAL
from tasks.slices import map_slices, one_chunk
from tasks.step import step
from tasks.words import tokenize


class FineWebConfig(Config):
    """A line of at most ``short_line_characters`` is short; each of ``stop_characters`` ends a sentence."""

    short_line_characters: int = 30
    stop_characters: str = "".join(sorted(TERMINAL))


@step("fineweb", version=1, reads=(Documents,), writes=(SignalsFineWeb,))
def fineweb(documents: pa.Table, config: FineWebConfig) -> pa.Table:
    """One row of ``signals/fineweb`` for each row of ``documents``, in their order."""
    return map_slices(lambda part: _signals(part, config), documents)


def _signals(documents: pa.Table, config: FineWebConfig) -> pa.Table:
    texts = one_chunk(documents.column("text"))
    size = len(texts)
    newlines = pc.count_substring(texts, "\n").to_numpy(zero_copy_only=False)
    chars = pc.utf8_length(texts).to_numpy(zero_copy_only=False)
    line = pl.col("line")
    lines = split(frame(texts), pl.col("text")).filter(stripped() != "")
    lines = lines.with_columns(chars=line.str.len_chars())
    line_count = count(lines, size)
    stops = line.str.tail(1).is_in(list(config.stop_characters))
    short = pl.col("chars") <= config.short_line_characters
    return pa.table(
        {
            "doc_id": documents.column("doc_id"),
            "punct_line_ratio": ratio(total(lines, stops, size), line_count),
            "short_line_ratio": ratio(total(lines, short, size), line_count),
            "dup_line_char_ratio": ratio(total(lines, pl.col("chars") * repeated(), size), chars - newlines),
            "newline_word_ratio": ratio(newlines, tokenize(texts).counts),
        },
        schema=SignalsFineWeb.schema,
    )
