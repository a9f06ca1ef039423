"""What is shown beside a mixture, as rows of the lake: its trials, predictions, checks, caps and baselines.

Pure functions of a mixture, its domains, and the outcomes of trials. Cost: a water-filling a cap; for a swarm, one fit
of its laws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from gristmill.core.table import Table
from gristmill.schemas.tables import (
    MixtureBaselines,
    MixtureCaps,
    MixtureChecks,
    MixturePredictions,
    TrialResults,
    Trials,
)
from gristmill.tasks.mix.domains import Domain
from gristmill.tasks.mix.mixers.caps import SHOWN, CapRow, at_caps, beside_baselines
from gristmill.tasks.mix.mixers.checks import Check, diagnostic_checks
from gristmill.tasks.mix.mixers.mixer import Goal, Mixture, Outcome, Trial
from gristmill.tasks.mix.mixers.proxy_size import size_of
from gristmill.tasks.mix.mixers.swarm.design import Designed

if TYPE_CHECKING:
    from gristmill.tasks.mix.mixers.swarm.mixer import Swarm  # imports scipy, which other methods do without

TABLES: tuple[Table, ...] = (
    Trials,
    TrialResults,
    MixturePredictions,
    MixtureChecks,
    MixtureCaps,
    MixtureBaselines,
)
ROLES = {"static": "reference", "doremi": "proxy", "sampled": "single"}
"""What trials of other methods than the swarm are for, by their loop."""


@dataclass(frozen=True)
class FoundMixture:
    """A mixture as it is trained (capped), the trials it was found from, and what they gave.

    ``seen_by_trials`` are the domains in rows of the trials, ``domains`` in rows of the run.
    """

    name: str
    mixture: Mixture
    trials: Sequence[Trial]
    outcomes: Sequence[Outcome]
    seen_by_trials: Sequence[Domain]
    domains: Sequence[Domain]
    goal: Goal


@dataclass(frozen=True)
class Role:
    """What a trial was for."""

    trial: Trial
    role: str
    earlier: bool = False


def report_tables(found: FoundMixture, swarm: "Swarm | None") -> tuple[tuple[pa.Table, ...], tuple[Designed, ...]]:
    """The tables of :data:`TABLES`, in their order, and the trials of a swarm with their roles.

    ``swarm`` is the method that found the mixture, if it was one.

    Raises :class:`gristmill.core.errors.GristmillError` as the method's ``tell`` does.
    """
    bars: dict[str, tuple[float, float]] = {}
    promises: list[dict[str, object]] = []
    designed: tuple[Designed, ...] = ()
    predicted: dict[tuple[str, str], float | None] = {}
    if swarm is None:
        roles = [Role(trial, ROLES[trial.loop]) for trial in found.trials]
        checks = diagnostic_checks(found.mixture, found.trials, found.outcomes)
        capped = at_caps(found.mixture, found.domains, found.goal)
    else:
        result = swarm.result(found.seen_by_trials, found.goal, found.outcomes)
        report, names = result.report, [domain.name for domain in found.seen_by_trials]
        designed = result.trials
        roles = [Role(each.trial, each.role, each.earlier) for each in designed]
        checks = list(result.checks)
        capped = at_caps(
            found.mixture,
            found.domains,
            found.goal,
            SHOWN,
            lambda goal: swarm.at_caps(found.seen_by_trials, goal, result),
        )
        bars = dict(zip(names, zip(report.low.tolist(), report.high.tolist(), strict=True), strict=True))
        predicted = {(each.trial, each.metric): each.predicted for each in report.predictions}
        promises = [
            {"subject": subject, "metric": each.metric, "predicted": each.predicted, "low": each.low, "high": each.high}
            for subject, several in (("winner", report.winner), ("prior", report.prior))
            for each in several
        ]
    outcomes = {outcome.trial: outcome for outcome in found.outcomes}
    first = {role.trial.id: role for role in reversed(roles)}  # the winner's mixture may be one of the design
    done = [role for name, role in first.items() if name in outcomes]
    rows = (
        [row for role in done for row in _trial(role, outcomes[role.trial.id])],
        [row for role in done for row in _results(role, outcomes[role.trial.id], predicted)],
        promises,
        [_check(check) for check in checks],
        [_cap(row) for row in capped],
        _baselines(found, bars),
    )
    tables = tuple(
        pa.Table.from_pylist([{"mixture": found.name, **row} for row in each], schema=table.schema)
        for table, each in zip(TABLES, rows, strict=True)
    )
    return tables, designed


def _trial(role: Role, outcome: Outcome) -> list[dict[str, object]]:
    trial = role.trial
    return [
        {
            "trial": trial.id,
            "role": role.role,
            "domain": domain,
            "weight": weight,
            "seed": trial.seed,
            "steps": trial.budget.steps,
            "tokens": trial.budget.tokens,
            "learning_rate": trial.budget.learning_rate,
            "data_share": trial.data_share,
            "parameters": size_of(outcome, trial.budget),
            "earlier": role.earlier,
        }
        for domain, weight in trial.weights.items()
    ]


def _results(role: Role, outcome: Outcome, predicted: dict[tuple[str, str], float | None]) -> list[dict[str, object]]:
    return [
        {
            "trial": outcome.trial,
            "role": role.role,
            "metric": metric,
            "measured": loss,
            "predicted": predicted.get((outcome.trial, metric)),
        }
        for metric, loss in outcome.losses.items()
    ]


def _check(check: Check) -> dict[str, object]:
    return {"name": check.name, "value": check.value, "detail": check.detail, "warning": check.warning}


def _cap(row: CapRow) -> dict[str, object]:
    return {"cap": row.cap, "domain": row.domain, "weight": row.weight, "epochs": row.epochs}


def _baselines(found: FoundMixture, bars: dict[str, tuple[float, float]]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for row in beside_baselines(found.name, found.mixture, found.domains, found.goal):
        low, high = bars.get(row.domain, (None, None)) if row.mixture == found.name else (None, None)
        rows.append(
            {
                "baseline": row.mixture,
                "domain": row.domain,
                "raw": row.raw,
                "capped": row.capped,
                "low": low,
                "high": high,
                "epochs": row.epochs,
                "cap": row.cap,
                "reason": row.reason,
            }
        )
    return rows
