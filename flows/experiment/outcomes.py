"""From the samples of every run to effects with verdicts: pure functions over tables of the lake.

Cost: one pass over the samples of the checkpoints; memory follows the items of one outcome times the runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from gristmill.core.errors import GristmillError
from gristmill.evals.statistics.effects import Effect, Judged, effect, judge
from gristmill.flows.experiment.registered import Register
from gristmill.flows.experiment.settings import CONTROL, Outcome
from gristmill.tasks.experiment.arms import domain_of, holders_of

LOWER_IS_BETTER = ("bits_per_byte",)


@dataclass(frozen=True)
class Cell:
    """An arm and an outcome: the effect, and the values that it is made of, by seed."""

    arm: str
    outcome: str
    higher_is_better: bool
    effect: Effect
    seeds: tuple[int, ...]
    control: tuple[float, ...]
    values: tuple[float, ...]


def measure(
    samples: pl.DataFrame, runs: Mapping[str, Mapping[int, str]], arms: Sequence[str], outcomes: Sequence[Outcome]
) -> list[Cell]:
    """The cells of every arm and outcome. ``samples``: those of all runs; ``runs``: ``{arm: {seed: checkpoint}}``.

    Items that a machine failed on in any of the runs of a cell are left out of all. Held-out text is that of documents
    which the control holds. Raises :class:`GristmillError` for an outcome without items.
    """
    return [cell for outcome in outcomes for cell in _cells(samples, runs, arms, outcome)]


def _cells(
    samples: pl.DataFrame, runs: Mapping[str, Mapping[int, str]], arms: Sequence[str], outcome: Outcome
) -> list[Cell]:
    own = samples.filter(pl.col("suite") == outcome.suite)
    if outcome.suite == "heldout":
        subset = pl.col("subset")
        held = subset.map_elements(lambda part: bool(holders_of(part) & 1), pl.Boolean)
        own = own.filter(held).with_columns(subset=subset.map_elements(domain_of, pl.String))
    if outcome.subset != "all":
        own = own.filter(pl.col("subset") == outcome.subset)
    if own.is_empty():
        known = sorted(set(samples.filter(pl.col("suite") == outcome.suite)["subset"].to_list()))
        raise GristmillError(
            f"the outcome {outcome.name} has no items; {outcome.suite} has {', '.join(known) or 'nothing'}"
        )
    own = own.filter(pl.col("convention") == own["convention"].sort()[0])
    table = own.group_by("checkpoint", "item").agg(
        pl.col("value").mean(), pl.col("weight").mean(), pl.col("cluster").first()
    )
    lower = own["convention"][0] in LOWER_IS_BETTER
    return [
        _cell(table, runs[CONTROL], runs[arm], arm, outcome.name, higher_is_better=not lower)
        for arm in arms
        if arm in runs
    ]


def _cell(
    table: pl.DataFrame,
    control: Mapping[int, str],
    own: Mapping[int, str],
    arm: str,
    outcome: str,
    *,
    higher_is_better: bool,
) -> Cell:
    seeds = sorted(set(control) & set(own))
    names = [(seed, control[seed], own[seed]) for seed in seeds]
    wide = table.filter(pl.col("weight") > 0).pivot(
        "checkpoint", index="item", values="value", aggregate_function="first"
    )
    missing = sorted({name for _, *pair in names for name in pair} - set(wide.columns))
    if missing:
        raise GristmillError(f"{outcome}: {len(missing)} of the runs have no answers. Run the experiment again.")
    whole = wide.drop_nulls([name for _, *pair in names for name in pair]).sort("item")
    about = table.group_by("item").agg(pl.col("weight").max(), pl.col("cluster").first())
    about = whole.select("item").join(about, on="item", how="left", maintain_order="left")
    before = np.stack([whole[name].to_numpy() for _, name, _ in names])
    after = np.stack([whole[name].to_numpy() for _, _, name in names])
    sizes = about["weight"].to_numpy()
    found = effect(after - before, sizes, about["cluster"].to_list())
    values = [(rows.sum(axis=1) / sizes.sum()).tolist() for rows in (before, after)]
    return Cell(arm, outcome, higher_is_better, found, tuple(seeds), tuple(values[0]), tuple(values[1]))


def verdicts(cells: Sequence[Cell], register: Register) -> list[Judged]:
    """A verdict for each cell, by what was registered before the first job."""
    primary = [register.is_primary(cell.arm, cell.outcome) for cell in cells]
    return judge([cell.effect for cell in cells], primary, [register.smallest(cell.outcome) for cell in cells])


def rows_of(name: str, cells: Sequence[Cell], register: Register) -> list[dict[str, object]]:
    """Rows of the table ``effects``."""
    rows = []
    for cell, judged in zip(cells, verdicts(cells, register), strict=True):
        ends = cell.effect.interval()
        rows.append(
            {
                "experiment": name,
                "arm": cell.arm,
                "outcome": cell.outcome,
                "higher_is_better": cell.higher_is_better,
                "primary": register.is_primary(cell.arm, cell.outcome),
                "control_value": float(np.mean(cell.control)),
                "arm_value": float(np.mean(cell.values)),
                "effect": cell.effect.value,
                "low": ends.low,
                "high": ends.high,
                "seed_error": cell.effect.seed_error,
                "item_error": cell.effect.item_error,
                "p": cell.effect.p,
                "p_holm": judged.adjusted,
                "verdict": str(judged.verdict),
                "bound": judged.bound,
                "predicted": register.predicted(cell.arm, cell.outcome),
                "seeds": len(cell.seeds),
                "items": cell.effect.items,
            }
        )
    return rows


def seed_rows(name: str, cells: Sequence[Cell]) -> list[dict[str, object]]:
    """Rows of the table ``seed_effects``."""
    return [
        {
            "experiment": name,
            "arm": cell.arm,
            "outcome": cell.outcome,
            "seed": seed,
            "control_value": before,
            "arm_value": after,
        }
        for cell in cells
        for seed, before, after in zip(cell.seeds, cell.control, cell.values, strict=True)
    ]
