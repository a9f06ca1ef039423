"""Names of clusters: the words that set each apart from the others.

A word's weight in a cluster is the share of the cluster's texts that have it, times the square of
log(texts / texts that have it): class-based TF-IDF (Grootendorst 2022) by texts and not by occurrences, squared because
words such as "the" would come first otherwise. A name is made of the three heaviest of two to
twenty characters without marks in them, such as those of code. Cost: that of the words of the beginnings of the texts.
"""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.core.files.places import NAME
from gristmill.tasks.domains.clustering.words import word_hashes

TERMS, NAMED_AFTER, NAME_BYTES = 8, 3, 60
LOOKED_AT, LONGEST = 5 * TERMS, 20
PLAIN = re.compile(r"\w+(?:['-]\w+)*")


def terms_of(texts: pl.Series, nearest: npt.NDArray[np.int32], k: int) -> list[list[str]]:
    """The heaviest words of each of ``k`` clusters, at most ``TERMS``; ``nearest`` is the cluster of each text."""
    parts = word_hashes(texts)
    found: list[list[str]] = [[] for _ in range(k)]
    if not parts:
        return found
    frames = []
    for number, part in enumerate(parts):
        rows = np.repeat(part.rows, part.counts)
        columns = {"cluster": nearest[rows], "row": rows, "hash": part.hashes, "place": np.arange(len(rows))}
        frames.append(
            pl.DataFrame(columns)
            .filter((part.lengths > 1) & (part.lengths <= LONGEST))
            .with_columns(part=pl.lit(number))
        )
    has = pl.concat(frames).unique(["row", "hash"], keep="first", maintain_order=True)
    sizes = pl.DataFrame({"cluster": np.arange(k, dtype=np.int32), "size": np.bincount(nearest, minlength=k)})
    weight = pl.col("texts") / pl.col("size") * (len(texts) / pl.col("all")).log() ** 2
    best = (
        has.group_by("cluster", "hash")
        .agg(texts=pl.len(), part=pl.col("part").first(), place=pl.col("place").first())
        .with_columns(all=pl.col("texts").sum().over("hash"))
        .join(sizes, on="cluster")
        .with_columns(weight=weight)
        .sort(["cluster", "weight", "hash"], descending=[False, True, False])
        .group_by("cluster", maintain_order=True)
        .head(LOOKED_AT)
    )
    for cluster, part, place in best.select("cluster", "part", "place").iter_rows():
        word = parts[part].word(place)
        if len(found[cluster]) < TERMS and PLAIN.fullmatch(word):
            found[cluster].append(word)
    return found


def names_of(terms: Sequence[Sequence[str]]) -> list[str]:
    """A name for each cluster, all different, each able to name a file: its first terms, or ``cluster-3``."""
    names: list[str] = []
    for number, words in enumerate(terms):
        plain = [word for word in (re.sub(r"[^\w]", "", word) for word in words) if NAME.fullmatch(word)]
        name = "-".join(list(dict.fromkeys(plain))[:NAMED_AFTER])
        while len(name.encode()) > NAME_BYTES:
            name = name[:-1]
        name = name.rstrip("-") or f"cluster-{number}"
        if name.isdigit() or name in names:  # digits are numbers of clusters
            name = f"{name}-{number}"
        names.append(name)
    return names
