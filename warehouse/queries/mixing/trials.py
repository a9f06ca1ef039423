"""The trials of a mixture: predicted against measured, how far predictions can be believed, and what strands them.

A prediction is by laws that saw no trial of the same mixture. Rank correlations are over mixtures, with repeats
averaged and ties sharing their mean rank; the error is over trials.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from gristmill.warehouse.connection import Warehouse

OBJECTIVE = "objective"
NEVER_FITTED = ("held-out", "adaptive", "rate")
MOST_TRIALS = 2000
LEAST_MIXTURES = 3
READS_ALL = ("reference", "proxy")
"""Trials that read every domain, whatever its weight."""


class TrialWeight(BaseModel):
    """The share of a domain in a trial."""

    domain: str
    weight: float


class MixtureTrial(BaseModel):
    """A trial, with one of its losses in nats a token."""

    trial: str
    role: str = Field(description="design, anchor, deletion, upweight, held-out, adaptive, rate, reference, ...")
    earlier: bool = Field(description="made for earlier data, and used again")
    seed: int
    steps: int
    tokens: int
    learning_rate: float
    parameters: int
    measured: float | None
    predicted: float | None = Field(description="by laws that saw no trial of its mixture")
    weights: list[TrialWeight] = Field(description="largest first")


class TrialRanking(BaseModel):
    """How well predictions rank mixtures that their law had not seen."""

    mixtures: int
    trials: int
    spearman: float | None = Field(description="over mixtures; null for fewer than three")
    rmse: float | None = Field(description="over trials, nats a token")


class TrialPanel(BaseModel):
    """All trials of a mixture under one metric."""

    metric: str = Field(description="domain whose held-out loss it is, or objective: their weighted mean")
    metrics: list[str]
    trials: list[MixtureTrial]
    folds: TrialRanking = Field(description="of trials that were fitted, predicted out of fold")
    held_out: TrialRanking = Field(description="of trials that were never fitted")


class Promised(BaseModel):
    """What a swarm promised before its mixture was trained, nats a token."""

    subject: str = Field(description="winner (the mixture itself) or prior (what it started from)")
    metric: str
    predicted: float
    low: float = Field(description="lower end of the 90 % interval over bootstraps")
    high: float = Field(description="upper end of it")


class DomainTrials(BaseModel):
    """How many trials of a mixture read a domain: those are worthless once its text changes."""

    domain: str
    stranded: int = Field(description="trials that read it")
    kept: int = Field(description="trials that do not, and would be used again")


class TrialsBefore(BaseModel):
    """Trials of a mixture as it was before the last change of its data, which had one fate for one reason."""

    fate: str = Field(description="reused, stranded, or not asked for: valid, and not part of the new design")
    changed: list[str] = Field(description="domains that they read and whose tokens are other tokens now")
    gone: list[str] = Field(description="domains that they read and that are no longer there")
    trials: int


def trial_metrics(warehouse: Warehouse, mix: str, mixture: str) -> list[str]:
    """The domains whose held-out losses the trials of a mixture measured."""
    rows = warehouse.query(
        "SELECT DISTINCT metric FROM trial_losses WHERE mix = ? AND mixture = ? ORDER BY metric", [mix, mixture]
    )
    return [row["metric"] for row in rows]


def trial_panel(warehouse: Warehouse, mix: str, mixture: str, metric: str = OBJECTIVE) -> TrialPanel:
    """The trials of a mixture, at most ``MOST_TRIALS``, with the loss called ``metric``.

    A metric that was not measured gives trials without losses.
    """
    metrics = trial_metrics(warehouse, mix, mixture)
    weights = _importance(warehouse, mix, mixture, metrics) if metric == OBJECTIVE else {metric: 1.0}
    asked = {"mix": mix, "mixture": mixture, "metrics": list(weights), "weights": list(weights.values())}
    rows = warehouse.query(
        f"""
        WITH {LOSSES}
        SELECT one.*, losses.measured, losses.predicted FROM mixture_trials AS one
        LEFT JOIN losses ON losses.trial = one.trial
        WHERE one.mix = $mix AND one.mixture = $mixture
        ORDER BY losses.measured NULLS LAST, one.trial LIMIT $most
        """,  # noqa: S608 - our own text
        asked | {"most": MOST_TRIALS},
    )
    return TrialPanel(
        metric=metric,
        metrics=[OBJECTIVE, *metrics] if metrics else [],
        trials=[MixtureTrial.model_validate(row) for row in rows],
        folds=_ranking(warehouse, asked, fitted=True),
        held_out=_ranking(warehouse, asked, fitted=False),
    )


def promises(warehouse: Warehouse, mix: str, mixture: str) -> list[Promised]:
    """What was promised of a mixture and of its prior, for each metric and for the objective."""
    rows = warehouse.query(
        """
        SELECT subject, metric, predicted, low, high FROM mixture_predictions AS one
        JOIN mix_files AS owner ON owner.file = one.file
        WHERE owner.mix = $mix AND mixture = $mixture ORDER BY metric = $last, metric, subject DESC
        """,
        {"mix": mix, "mixture": mixture, "last": OBJECTIVE},
    )
    return [Promised.model_validate(row) for row in rows]


def stranding(warehouse: Warehouse, mix: str, mixture: str) -> list[DomainTrials]:
    """For each domain, how many trials would count no more if its text changed, and how many would be used again."""
    rows = warehouse.query(
        """
        SELECT domain, count(*) FILTER (reads) AS stranded, count(*) FILTER (NOT reads) AS kept
        FROM (
            SELECT domain, weight > 0 OR role IN ($all, $every) AS reads FROM trials AS one
            JOIN mix_files AS owner ON owner.file = one.file
            WHERE owner.mix = $mix AND mixture = $mixture
        )
        GROUP BY domain ORDER BY stranded DESC, domain
        """,
        {"mix": mix, "mixture": mixture, "all": READS_ALL[0], "every": READS_ALL[1]},
    )
    return [DomainTrials.model_validate(row) for row in rows]


def trials_before(warehouse: Warehouse, mix: str, mixture: str) -> list[TrialsBefore]:
    """What the last change of the data did to the trials of a mixture; empty when it did not change."""
    rows = warehouse.query(
        """
        SELECT CASE WHEN stranded THEN 'stranded' WHEN reused THEN 'reused' ELSE 'not asked for' END AS fate,
            changed, gone, count(*) AS trials
        FROM trial_reuse AS one JOIN dataset_files AS owner ON owner.file = one.file AND owner.kind = 'trial_reuse'
        WHERE owner.name = $mix AND mixture = $mixture GROUP BY ALL ORDER BY trials DESC, fate, changed, gone LIMIT 100
        """,
        {"mix": mix, "mixture": mixture},
    )
    return [TrialsBefore.model_validate(row) for row in rows]


LOSSES = """
wanted AS (SELECT unnest($metrics::VARCHAR[]) AS metric, unnest($weights::DOUBLE[]) AS weight),
losses AS (
    SELECT trial, any_value(role) AS role,
        CASE WHEN count(*) = (SELECT count(*) FROM wanted) THEN sum(measured * weight) / sum(weight) END AS measured,
        CASE WHEN count(predicted) = (SELECT count(*) FROM wanted)
            THEN sum(predicted * weight) / sum(weight) END AS predicted
    FROM trial_losses JOIN wanted USING (metric) WHERE mix = $mix AND mixture = $mixture GROUP BY trial
)
"""
"""The losses of trials under some metrics with their weights; none for a trial that lacks one of them."""


def _ranking(warehouse: Warehouse, asked: Mapping[str, Any], *, fitted: bool) -> TrialRanking:
    never = ", ".join(f"'{role}'" for role in NEVER_FITTED)
    which = f"role NOT IN ({never})" if fitted else "role = 'held-out'"
    rows = warehouse.query(
        f"""
        WITH {LOSSES},
        known AS (
            SELECT losses.*, one.shares FROM losses
            JOIN mixture_trials AS one ON one.trial = losses.trial AND one.mix = $mix AND one.mixture = $mixture
            WHERE losses.{which} AND measured IS NOT NULL AND predicted IS NOT NULL
        ),
        each AS (
            SELECT avg(measured) AS measured, avg(predicted) AS predicted FROM known GROUP BY shares
        ),
        ranked AS (
            SELECT
                rank() OVER (ORDER BY measured) + (count(*) OVER (PARTITION BY measured) - 1) / 2 AS one,
                rank() OVER (ORDER BY predicted) + (count(*) OVER (PARTITION BY predicted) - 1) / 2 AS other
            FROM each
        )
        SELECT
            (SELECT count(*) FROM each) AS mixtures, (SELECT count(*) FROM known) AS trials,
            (SELECT CASE WHEN count(DISTINCT one) > 1 AND count(DISTINCT other) > 1 THEN corr(one, other) END
                FROM ranked) AS spearman,
            (SELECT sqrt(avg((measured - predicted) ** 2)) FROM known) AS rmse
        """,  # noqa: S608 - our own text
        asked,
    )
    if not rows:
        return TrialRanking(mixtures=0, trials=0, spearman=None, rmse=None)
    found = TrialRanking.model_validate(rows[0])
    return found if found.mixtures >= LEAST_MIXTURES else found.model_copy(update={"spearman": None})


def _importance(warehouse: Warehouse, mix: str, mixture: str, metrics: list[str]) -> dict[str, float]:
    """How much each held-out loss counts in the objective: as the settings of the mixture say, else all alike."""
    rows = warehouse.query("SELECT config FROM datasets WHERE kind = 'mix' AND name = ?", [mix])
    settings = json.loads(rows[0]["config"]).get("settings", {}) if rows else {}
    own: dict[str, Any] = next((one for one in settings.get("mixtures", ()) if one.get("name") == mixture), {})
    asked: dict[str, float] = own.get("options", {}).get("fit", {}).get("metrics", {})
    return {name: weight for name, weight in asked.items() if weight > 0} or dict.fromkeys(metrics, 1.0)
