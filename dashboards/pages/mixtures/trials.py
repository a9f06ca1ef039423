"""The trials that a mixture was found from: predicted against measured, checks, and what a change of the data costs."""

from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui

from gristmill.dashboards.charts.mixing import trials_chart
from gristmill.dashboards.components.cards import badge, card, tile
from gristmill.dashboards.components.chart import chart
from gristmill.dashboards.components.controls import choice
from gristmill.dashboards.components.tables import Column, table
from gristmill.dashboards.wording import count, words
from gristmill.warehouse.queries.mixing.going import TrialsGoing
from gristmill.warehouse.queries.mixing.shares import WARNED, MixtureCheck, MixtureHead
from gristmill.warehouse.queries.mixing.trials import (
    NEVER_FITTED,
    OBJECTIVE,
    DomainTrials,
    MixtureTrial,
    Promised,
    TrialPanel,
    TrialRanking,
    TrialsBefore,
)

MOST_DOMAINS = 4
"""Domains of a trial that its row names."""
MOST_STRANDED = 15
YES_OR_NO = ("nothing_learnt", "converged", "settled")


def going_card(going: TrialsGoing) -> None:
    """A line on the trials that run now."""
    jobs = "1 job" if going.jobs == 1 else f"{count(going.jobs)} jobs"
    far = f", step {count(going.step)} of {count(going.steps)}" if going.steps else ""
    stuck = f" {count(going.stuck)} of them say nothing: run the same command again." if going.stuck else ""
    with card(), ui.element("div").classes("gate-line"):
        badge("running")
        ui.label(f"Trials of a mixture run now: {jobs}{far}.{stuck}").classes("gate-name")
        ui.label(
            f"{count(going.done)} trials of this lake are done. The mixture appears when its last trial is."
        ).classes("notice-text muted")


def trials_cards(
    panel: TrialPanel,
    promised: Sequence[Promised],
    checks: Sequence[MixtureCheck],
    url: Callable[[str], str],
    dark: bool,
) -> None:
    """The panel: key figures, the chart of predictions where the method makes any, and every trial."""
    known = {check.name: check for check in checks}
    small = known.get(WARNED)
    predicted = any(trial.predicted is not None for trial in panel.trials)
    if predicted:
        _figures(panel, known)
        about = (
            "Predictions are by laws that saw no trial of the same mixture; on the dashed line they are right. "
            "Outlined marks were never fitted. Rate trials have no prediction."
        )
        with card("Trials: predicted against measured", about):
            _careful(small)
            with ui.element("div").classes("controls"):
                names = {name: "objective: the weighted mean" if name == OBJECTIVE else name for name in panel.metrics}
                choice("Held-out loss of", names, panel.metric, url=url, classes="names")
            winner = next((one for one in promised if (one.subject, one.metric) == ("winner", panel.metric)), None)
            chart(trials_chart(panel.trials, winner, dark), "Measured against predicted losses of trials")
            _promised([one for one in promised if one.metric == panel.metric])
    told = "the objective, the weighted mean over domains" if panel.metric == OBJECTIVE else panel.metric
    with card("Every trial", f"Losses in nats per token, least first: {told}."):
        if not predicted:
            _careful(small)
        _trials(panel.trials, predicted)


def _figures(panel: TrialPanel, known: dict[str, MixtureCheck]) -> None:
    """How far the law is to be believed, for the metric that is shown."""
    whole = panel.metric == OBJECTIVE

    def number(name: str, digits: int) -> str:
        return f"{known[name].value:.{digits}f}" if name in known else "–"

    def ranked(ranking: TrialRanking, name: str) -> str:
        return number(name, 3) if whole and name in known else _number(ranking.spearman, 3)

    def error(ranking: TrialRanking, name: str) -> str:
        return number(name, 4) if whole and name in known else _number(ranking.rmse, 4)

    nothing = "nothing_learnt" in known and known["nothing_learnt"].value > 0
    with ui.element("div").classes("tiles"):
        note = f"out of fold, {panel.folds.mixtures} mixtures"
        tile("Spearman", ranked(panel.folds, "spearman"), note, "bad" if nothing else "")
        tile("RMSE", error(panel.folds, "rmse"), "out of fold, nats")
        held = f"{panel.held_out.mixtures} mixtures, never fitted"
        tile("Held-out Spearman", ranked(panel.held_out, "held_out_spearman"), held)
        tile("Held-out RMSE", error(panel.held_out, "held_out_rmse"), "nats")
        if whole and "gain" in known:
            tile("Gain", number("gain", 4), "promised over the prior, nats")
            less = known.get("gain_less_optimism")
            note = "likely too good by this, nats"
            tile("Optimism", number("optimism", 4), note, "bad" if less is not None and less.warning else "")
        if whole and "winner_gap" in known:
            tile("Winner's gap", number("winner_gap", 4), "measured less promised, nats")


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _careful(small: MixtureCheck | None) -> None:
    """The warning about the size of proxies, beside their losses."""
    if small is not None and small.warning:
        with ui.element("div").classes("answer-head"):
            ui.label("small proxies").classes("badge tone-warn")
            ui.label(small.detail).classes("notice-text muted")


def _promised(found: Sequence[Promised]) -> None:
    names = {"winner": "This mixture", "prior": "What it started from"}
    for one in found:
        text = f"{names.get(one.subject, one.subject)}: {one.predicted:.4f} nats, 90 % interval {one.low:.4f} to "
        ui.label(f"{text}{one.high:.4f}; stored before it was trained.").classes("card-about")


def _trials(trials: Sequence[MixtureTrial], predicted: bool) -> None:
    columns = [
        Column("role", "Role", "badge"),
        Column("shares", "Largest shares"),
        Column("measured", "Measured", "score"),
        *([Column("predicted", "Predicted", "score"), Column("error", "Difference", "signed")] if predicted else []),
        Column("seed", "Seed"),
        Column("tokens", "Tokens", "number"),
        Column("rate", "Learning rate"),
        Column("parameters", "Parameters", "number"),
        *([Column("reused", "Data", "badge")] if any(trial.earlier for trial in trials) else []),
        Column("trial", "Trial", "mono"),
    ]
    table(columns, [_row(trial) for trial in trials], page=15).classes("board")


def _row(trial: MixtureTrial) -> dict[str, Any]:
    shares = [f"{one.domain} {100 * one.weight:.0f} %" for one in trial.weights[:MOST_DOMAINS] if one.weight > 0]
    more = sum(one.weight > 0 for one in trial.weights) - len(shares)
    both = trial.measured is not None and trial.predicted is not None
    return trial.model_dump(exclude={"weights"}) | {
        "trial": trial.trial[:16],
        "seed": str(trial.seed),
        "role_tone": "busy" if trial.role in NEVER_FITTED else "plain",
        "shares": ", ".join(shares) + (f" and {more} more" if more > 0 else ""),
        "error": trial.measured - trial.predicted if both else None,  # type: ignore[operator]
        "rate": f"{trial.learning_rate:g}",
        "reused": "used again" if trial.earlier else None,
    }


def checks_card(checks: Sequence[MixtureCheck]) -> None:
    """Everything that is known of the mixture."""
    columns = [
        Column("name", "Check"),
        Column("value", "Value"),
        Column("warning", "", "badge"),
        Column("detail", "Meaning", "wrap"),
    ]
    rows = [
        {
            "name": words(check.name),
            "value": _told(check),
            "warning": "warning" if check.warning else None,
            "warning_tone": "warn",
            "detail": check.detail,
        }
        for check in checks
    ]
    with card("Checks", "What to know before the mixture is trusted. Losses are in nats per token."):
        table(columns, rows, page=25)


def _told(check: MixtureCheck) -> str:
    if check.name in YES_OR_NO:
        return "yes" if check.value else "no"
    return f"{check.value:,.0f}" if check.value.is_integer() else f"{check.value:.4g}"


def before_card(before: Sequence[TrialsBefore]) -> None:
    """What the last change of the data did to the trials that there were."""
    every = sum(one.trials for one in before)
    stranded = sum(one.trials for one in before if one.fate == "stranded")
    columns = [
        Column("trials", "Trials", "number"),
        Column("fate", "What became of them", "badge"),
        Column("changed", "They read domains with other text now", "wrap"),
        Column("gone", "They read domains that are gone", "wrap"),
    ]
    rows = [
        {
            "trials": one.trials,
            "fate": one.fate,
            "fate_tone": {"stranded": "warn", "reused": "good"}.get(one.fate, "plain"),
            "changed": ", ".join(one.changed),
            "gone": ", ".join(one.gone),
        }
        for one in before
    ]
    about = f"{count(stranded)} of the {count(every)} trials that there were count no more."
    with card("What the last change of the data stranded", about):
        table(columns, rows, page=MOST_STRANDED)


def strands_card(domains: Sequence[DomainTrials], head: MixtureHead) -> None:
    """What a change of the data costs."""
    about = (
        "A trial is bound to the text of the domains that it reads. When one of them changes, the trials that read it "
        "do not count any more; the others are fitted again and spare new ones."
    )
    if head.reused:
        about += f" {count(head.reused)} of {count(head.trials)} trials here were made for earlier data."
    columns = [
        Column("domain", "When this domain changes"),
        Column("stranded", "Trials stranded", "number"),
        Column("kept", "Used again", "number"),
        Column("part", "Stranded", "share"),
    ]
    rows = [{**one.model_dump(), "part": one.stranded / max(1, one.stranded + one.kept)} for one in domains]
    with card("What a change of the data strands", about):
        table(columns, rows, page=MOST_STRANDED)
