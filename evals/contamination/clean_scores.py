"""Scores without the items that were seen in training, and how much they differ from the scores of all items.

For every convention of a suite two rows of ``scores``: ``clean`` is the score of the items labelled clean, ``all minus
clean`` the whole score less that. The two scores share the clean items, so their errors are not independent, and the
interval of the difference is that of the difference itself: each item enters both means, its share in the difference
is ``(x - mean_all) / n_all - (x - mean_clean) / n_clean`` (the second only for clean items), and the variance is the
sum of squares over clusters of such shares, times G / (G - 1) for G clusters (the linearised variance of a domain mean,
Särndal, Swensson and Wretman 1992, section 5.8; clusters as in Miller 2024). A difference above 0 means that seen items
are answered better, which may also be because they are easier: it is no proof that the model remembers them.

Cost: one pass over the samples.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import stdtrit

from evals.contamination.labels import CLEAN
from evals.scoring import ALL, Scored, scored
from evals.statistics.interval import Interval
from evals.statistics.means import mean
from schemas.lake import conform
from schemas.tables import Samples, Scores

DIFFERENCE = "all minus clean"


def clean_scores(samples: pa.Table, scores: pa.Table, labels: Mapping[str, str]) -> pa.Table:
    """Rows of ``scores`` for the subsets ``clean`` and ``all minus clean`` of one checkpoint and suite.

    ``samples``, ``scores``: what was stored for that checkpoint and suite; ``labels``: the label of each item id. Only
    means over items are split (accuracy, exact match, F1, pass@1), not pass@k and not bits per byte. Empty where fewer
    than two items are clean or none is not: then there is nothing to compare.
    """
    rows = sorted(samples.select(Samples.schema.names).to_pylist(), key=lambda row: row["item"])
    whole = [row for row in scores.to_pylist() if row["subset"] == ALL and row["higher_is_better"]]
    found = []
    for score in whole:
        columns, _ = scored([row for row in rows if row["convention"] == score["convention"]])
        if score["metric"].startswith("pass@") and score["metric"] != "pass@1":
            continue
        found += _split(score, columns, [labels.get(item, "") == CLEAN for item in columns.items])
    return conform(Scores, pa.Table.from_pylist(found, schema=Scores.schema))


def _split(score: Mapping[str, Any], columns: Scored, clean: Sequence[bool]) -> list[dict[str, Any]]:
    chosen = np.array(clean, np.bool_)
    if chosen.sum() < 2 or chosen.all():
        return []
    part = columns.only([int(place) for place in np.flatnonzero(chosen)])
    alone = mean(part.values, part.clusters)
    difference = paired_difference(columns.values, chosen, columns.clusters)
    common = dict(score) | {"headline": False, "n": int(chosen.sum()), "above_chance": None}
    return [
        common | {"subset": CLEAN, **alone.interval._asdict(), "method": alone.method},
        common
        | {"subset": DIFFERENCE, **difference._asdict(), "chance": None, "method": "domain difference, Student t"},
    ]


def paired_difference(
    values: npt.ArrayLike, chosen: npt.NDArray[np.bool_], clusters: Sequence[str], confidence: float = 0.95
) -> Interval:
    """The mean of ``values`` less the mean of the ``chosen`` ones, with its interval. An empty cluster stands alone.

    Raises ``ValueError`` when none is chosen or there are fewer than two clusters.
    """
    x = np.asarray(values, np.float64)
    names = [cluster or f"\0{place}" for place, cluster in enumerate(clusters)]
    _, code = np.unique(names, return_inverse=True)
    count = int(code.max(initial=-1)) + 1
    if not chosen.any() or count < 2:
        raise ValueError(f"no difference from {int(chosen.sum())} chosen items in {count} clusters")
    mean_all, mean_chosen = float(x.mean()), float(x[chosen].mean())
    shares = (x - mean_all) / x.size - np.where(chosen, (x - mean_chosen) / chosen.sum(), 0.0)
    variance = float(np.square(np.bincount(code, shares)).sum()) * count / (count - 1)
    half = float(stdtrit(count - 1, 0.5 + confidence / 2)) * float(np.sqrt(variance))
    return Interval(mean_all - mean_chosen, mean_all - mean_chosen - half, mean_all - mean_chosen + half)
