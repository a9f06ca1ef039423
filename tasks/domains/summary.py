"""What an assignment of domains gives, for people: sizes by domain and rule, examples, and how two assignments overlap.

Cost: the texts read once for their bytes; memory: counts, and a few examples a domain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from gristmill.core.files.parquet import read_rows
from gristmill.tasks.mix.curated import batches
from gristmill.tasks.mix.permutation import hash_unit

SALT = 0xE1
BEGINS = 100
COUNT = pl.Int64()
SIZES = pl.Schema({"domain": pl.String(), "rule": pl.String(), "documents": COUNT, "words": COUNT, "bytes": COUNT})
OVERLAP = pl.Schema({"domain": pl.String(), "other": pl.String(), "documents": COUNT})
CURATION = "curation"
"""What the rule of a document is called that has the domain of its curation."""


@dataclass(frozen=True)
class Summary:
    """``sizes``: domain, rule, documents, words, bytes. ``examples``: domain, url, record_uri, doc_id, begins, score.
    ``overlap``: domain, other, documents; empty unless asked for."""

    sizes: pl.DataFrame
    examples: pl.DataFrame
    overlap: pl.DataFrame


def summarise(
    curated: Sequence[Path], assigned: Sequence[Path], examples: int, against: Sequence[Path] | None = None
) -> Summary:
    """Summarise the domains in files of ``domains``, one for each curated file, or those of the curation for none.

    ``examples``: documents of each domain, by a hash. ``against``: another assignment; an empty sequence is the
    curation's.
    """
    sizes, shown, both = pl.DataFrame(schema=SIZES), pl.DataFrame(), pl.DataFrame(schema=OVERLAP)
    columns = ["doc_id", "domain", "text", "tokens", "url", "record_uri"]
    for number, path in enumerate(curated):
        own = assigned[number] if assigned else None
        rules = pl.DataFrame(read_rows(own, ["rule", "score"])) if own is not None else None
        other = None if against is None else pl.DataFrame(read_rows(against[number] if against else path, ["domain"]))
        start = 0
        for batch in batches([path], columns, [own] if own is not None else ()):
            frame = pl.DataFrame(batch)
            took = _by_curation(frame.height) if rules is None else rules[start : start + frame.height]
            frame = pl.concat([frame, took], how="horizontal").with_columns(
                order=pl.Series(hash_unit(frame["doc_id"].to_list(), SALT)), bytes=pl.col("text").str.len_bytes()
            )
            sizes = _added([sizes, _sizes(frame)])
            shown = _first([shown, frame.with_columns(begins=_beginning())], examples)
            if other is not None:
                beside = other["domain"][start : start + frame.height].alias("other")
                counts = frame.select("domain").with_columns(beside).group_by("domain", "other").len("documents")
                both = (
                    pl.concat([both, counts.cast(OVERLAP)]).group_by("domain", "other").agg(pl.col("documents").sum())
                )
            start += frame.height
    drawn = shown.sort("domain", "order").drop("order") if shown.width else shown
    return Summary(sizes.sort("domain", "rule"), drawn, both.sort("domain", "other"))


def agreement(overlap: pl.DataFrame) -> float:
    """How far one assignment tells the other, 0 to 1: their mutual information over the mean of their entropies
    (normalised mutual information). It is not corrected for chance, so a few documents in many domains look alike.
    """
    joint = overlap["documents"].to_numpy() / overlap["documents"].sum()
    shares = [
        overlap.group_by(name).agg(pl.col("documents").sum())["documents"].to_numpy() / overlap["documents"].sum()
        for name in ("domain", "other")
    ]
    one, other, together = (float(-(values * np.log(values)).sum()) for values in (*shares, joint))
    mean = (one + other) / 2
    return (one + other - together) / mean if mean > 0 else 1.0


def _by_curation(count: int) -> pl.DataFrame:
    """Rule and score of documents that have the domain of their curation."""
    score = pl.Series([None] * count, dtype=pl.Float64)
    return pl.DataFrame({"rule": pl.repeat(CURATION, count, eager=True), "score": score})


def _sizes(frame: pl.DataFrame) -> pl.DataFrame:
    sums = [pl.col("tokens").sum().alias("words"), pl.col("bytes").sum()]
    return frame.group_by("domain", "rule").agg(pl.len().alias("documents"), *sums).cast(SIZES)


def _added(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    sums = [pl.col(name).sum() for name in ("documents", "words", "bytes")]
    return pl.concat(parts).group_by("domain", "rule").agg(sums)


def _first(parts: Sequence[pl.DataFrame], count: int) -> pl.DataFrame:
    """The documents of least hash of each domain."""
    columns = ["domain", "url", "record_uri", "doc_id", "begins", "score", "order"]
    whole = pl.concat([part.select(columns) for part in parts if part.width])
    return whole.sort("order").group_by("domain", maintain_order=True).head(count)


def _beginning() -> pl.Expr:
    return pl.col("text").str.slice(0, 4 * BEGINS).str.replace_all(r"\s+", " ").str.strip_chars().str.slice(0, BEGINS)
