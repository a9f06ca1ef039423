"""Cuts of C4's line rules: the lines that a lineage drops, citation marks, white space around the lines that stay.

What is left then equals the text that upstream makes: its kept lines, stripped, without citation marks, joined by line
feeds. Source of the rules: ``gristmill.tasks.signals.c4``. Cost: that of judging the lines, and a row a cut.
"""

import polars as pl
import pyarrow as pa

from gristmill.tasks.signals.c4 import LINEAGES, citation_spans, judge_lines

CUTS = ("document", "start", "end", "lines", "reason")
BLANK_LINE, WHITE_SPACE, CITATION = "blank_line", "white_space", "citation"


def c4_cuts(texts: pa.Array, lineage: str) -> pl.DataFrame:
    """Columns ``document``, ``start``, ``end`` (code points), ``lines``, ``reason``, by document and place."""
    lines = pl.DataFrame(judge_lines(texts, LINEAGES[lineage])).with_columns(pl.col("reason").cast(pl.String))
    gone = lines.filter(pl.col("reason").is_not_null())
    stays = lines.filter(pl.col("reason").is_null())
    blank = pl.when(pl.col("start") == pl.col("end")).then(pl.lit(BLANK_LINE)).otherwise(pl.col("reason"))
    marks = (
        pl.DataFrame(citation_spans(texts))
        .sort("start")
        .join_asof(
            lines.select("row", "line_start", "line_end", judged="reason").sort("line_start"),
            left_on="start",
            right_on="line_start",
            by="row",
            check_sortedness=False,
        )
        .filter(pl.col("judged").is_null())
    )
    cuts = pl.concat(
        [
            _cuts(gone, "line_start", "next", 1, blank),
            _cuts(stays, "line_start", "start", 0, pl.lit(WHITE_SPACE)),
            _cuts(stays, "end", "line_end", 0, pl.lit(WHITE_SPACE)),
            _cuts(marks, "start", "end", 0, pl.lit(CITATION)),
        ]
    )
    return cuts.filter(pl.col("end") > pl.col("start")).sort("document", "start", "end")


def _cuts(rows: pl.DataFrame, start: str, end: str, lines: int, reason: pl.Expr) -> pl.DataFrame:
    return rows.select(
        document=pl.col("row").cast(pl.UInt32),
        start=pl.col(start).cast(pl.Int64),
        end=pl.col(end).cast(pl.Int64),
        lines=pl.lit(lines, pl.Int32),
        reason=reason,
    ).select(CUTS)
