"""Clean: which lines of a kept document, and which parts of lines, are cut, each with its reason.

The lineage is the policy's (``Policy.clean``; with ``switch`` each document follows the policy that judged it):

* ``c4@fineweb``, ``c4@paper``, ``c4@tfds``: C4's line rules with the constants of each code base
  (``gristmill.tasks.signals.c4``): lines are cut, and so are citation marks (``[12]``, ``[edit]``), white space around
  lines, and blank lines;
* ``refinedweb``: web addresses, runs of blank lines and RefinedWeb's line edits
  (``gristmill.tasks.signals.line_rules.refinedweb``);
* ``none``: nothing is cut.

Nothing is removed here: the cuts are recorded (law 2), counted by reason (:func:`count_cuts`) and applied in one late
step (``gristmill.tasks.cleaning.redact``). Earlier steps may have written cuts too (lines repeated across
documents); a document that all cuts together leave with fewer than ``min_characters`` characters fails this stage of
the ledger, rule ``nothing_left``. Cost: that of the lineage, on kept documents only; memory: a slice of a million
characters.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.files.parquet import read_rows
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import SIGNALS, Cuts, Documents, Verdicts
from gristmill.tasks.cleaning.c4_cuts import c4_cuts
from gristmill.tasks.filtering.decide import cleaning, kept_by, kept_rows, ledger
from gristmill.tasks.filtering.policy import Policy
from gristmill.tasks.signals.c4 import LINEAGES
from gristmill.tasks.signals.line_rules.refinedweb import edit_lines
from gristmill.tasks.text.companions import map_slices_with
from gristmill.tasks.text.cutting import TextSpans, characters, covered
from gristmill.tasks.text.editing import counted_once
from gristmill.tasks.text.slices import map_slices, one_chunk

RULE = "nothing_left"


class CleanConfig(Config):
    """The policy names the lineage. ``min_characters``: how many characters other than white space must be left."""

    policy: Policy
    min_characters: int = Field(default=1, ge=1)


def refinedweb_cuts(texts: pa.Array) -> pl.DataFrame:
    """Cuts of RefinedWeb's edits: ``document``, ``start``, ``end``, ``lines``, ``reason``."""
    return edit_lines(texts).cuts


# The function that finds the cuts of a slice of texts, by lineage.
CLEANERS: Mapping[str, Callable[[pa.Array], pl.DataFrame]] = {
    **{lineage: partial(c4_cuts, lineage=lineage) for lineage in LINEAGES},
    "refinedweb": refinedweb_cuts,
}


@shard_step("clean", version=1, reads=(Documents, Verdicts, Cuts, SIGNALS), writes=(Cuts, Verdicts))
def clean(
    documents: pa.Table, verdicts: pa.Table, cuts: pa.Table, signals: Mapping[str, pa.Table], config: CleanConfig
) -> tuple[pa.Table, pa.Table]:
    """The cuts of the documents that stage ``deduplicate`` kept, and their ledger rows of stage ``clean``.

    ``cuts`` are those of earlier steps, if any; ``signals`` holds a table each by its name.
    """
    lineage = cleaning(documents, signals, config.policy)
    documents = documents.select(["doc_id", "source", "text"]).append_column("lineage", lineage.to_arrow())
    kept = kept_by(verdicts, StageName.DEDUPLICATE, documents)
    found = [_cuts(rows, name) for name, rows in _by_lineage(kept) if name in CLEANERS]
    ours = pa.concat_tables([Cuts.schema.empty_table(), *found])
    left = map_slices_with(_left, kept, pa.concat_tables([ours, cuts]))
    return ours, _verdicts(pl.DataFrame(left), config.min_characters)


def count_cuts(paths: list[Path]) -> dict[str, dict[str, int]]:
    """What was cut, by reason: ``cuts``, ``lines`` and ``characters``, from Parquet files of ``cuts``, a file at a
    time.

    A cut inside another cut of the same file is not counted. Cuts of different files may overlap.
    """
    totals: dict[str, Counter[str]] = {}
    for path in paths:
        found = counted_once(pl.DataFrame(read_rows(path))).group_by("reason")
        counts = found.agg(
            cuts=pl.len(), lines=pl.col("lines").sum(), characters=(pl.col("end") - pl.col("start")).sum()
        )
        for reason, *numbers in counts.select("reason", "cuts", "lines", "characters").iter_rows():
            totals.setdefault(reason, Counter()).update(
                dict(zip(("cuts", "lines", "characters"), numbers, strict=True))
            )
    return {reason: dict(totals[reason]) for reason in sorted(totals)}


def _by_lineage(kept: pa.Table) -> list[tuple[str, pa.Table]]:
    names = sorted(set(kept.column("lineage").to_pylist()))
    return [(name, kept.filter(pc.equal(kept.column("lineage"), name))) for name in names]


def _cuts(documents: pa.Table, lineage: str) -> pa.Table:
    def kernel(part: pa.Table) -> pa.Table:
        found = CLEANERS[lineage](one_chunk(part.column("text")))
        doc_ids = pl.Series(one_chunk(part.column("doc_id")), dtype=pl.String).gather(found["document"])
        return found.select(doc_ids.alias("doc_id"), *Cuts.schema.names[1:]).to_arrow().cast(Cuts.schema)

    return map_slices(kernel, documents)


def _left(documents: pa.Table, cuts: pa.Table) -> pa.Table:
    """``doc_id``, ``source`` and ``left``, the characters other than white space that the cuts leave."""
    text = characters(one_chunk(documents.column("text")))
    rows = pl.DataFrame(documents.select(["doc_id"])).with_row_index("row")
    found = rows.join(pl.DataFrame(cuts.select(["doc_id", "start", "end"])), on="doc_id")
    places = (found[name].to_numpy().astype(np.int64) for name in ("row", "start", "end"))
    gone = covered(text, TextSpans(*places))
    blank = text.data[text.first_byte[:-1]] <= ord(" ")
    counted = text.sums(~gone & ~blank)
    return pa.table({name: documents.column(name) for name in ("doc_id", "source")} | {"left": counted})


def _verdicts(left: pl.DataFrame, least: int) -> pa.Table:
    failed = left.filter(pl.col("left") < least).select(
        "doc_id",
        "source",
        stage=pl.lit(StageName.CLEAN),
        kept=pl.lit(False),
        rank=pl.lit(1, pl.Int16),
        rule=pl.lit(RULE),
        value=pl.col("left").cast(pl.Float64),
        threshold=pl.lit(f">= {least}"),
    )
    return ledger([failed, kept_rows(left.filter(pl.col("left") >= least), StageName.CLEAN)])
