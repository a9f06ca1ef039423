"""Score: samples become scores with error bars, for a suite as a whole, for each of its subjects, and macro-averaged.

Samples of weight 0, on which the machine failed, leave the score and are counted in ``failures``.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from evals.conventions import CONVENTIONS, CodeConvention
from evals.jail.capability import capability
from evals.statistics import above_chance, wilson
from evals.suite import Suite
from schemas.errors import GristmillError
from schemas.lake import conform
from schemas.tables import Samples, Scores

ALL = "all"


def score(suite: Suite, samples: pa.Table) -> pa.Table:
    """The scores of one checkpoint's samples, for every convention among them.

    Raises :class:`GristmillError` when the machine failed on every item, so that nothing was measured.
    """
    by_convention: dict[str, list[dict[str, Any]]] = {}
    for row in samples.select(Samples.schema.names).to_pylist():
        by_convention.setdefault(row["convention"], []).append(row)
    rows = [_score(suite, convention, found) for convention, found in by_convention.items()]
    return conform(Scores, pa.Table.from_pylist(rows, schema=Scores.schema))


def _score(suite: Suite, convention: str, samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    scored = [row["value"] for row in samples if row["weight"]]
    if not scored:
        raise GristmillError(
            f"{suite.name}: the machine failed on every item, so there is no score. First reason: "
            f"{samples[0]['detail']}. Run `gristmill doctor`."
        )
    passed = round(sum(scored))
    interval = wilson(passed, len(scored))
    chance = suite.chance
    return {
        "checkpoint": samples[0]["checkpoint"],
        "suite": suite.name,
        "area": suite.settings.area,
        "metric": CONVENTIONS[convention].metric,
        "convention": convention,
        "headline": convention == suite.settings.conventions[0],
        "subset": ALL,
        "value": interval.value,
        "low": interval.low,
        "high": interval.high,
        "n": len(scored),
        "chance": chance,
        "above_chance": None if chance is None else above_chance(passed, len(scored), chance),
        "higher_is_better": True,
        "method": "Wilson score interval",
        "failures": len(samples) - len(scored),
        "jail_tier": capability().tier if isinstance(CONVENTIONS[convention], CodeConvention) else "",
    }
