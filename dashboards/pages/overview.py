"""Overview: what is there, what ran last, whether the gates held, which checkpoint is best."""

from asyncio import to_thread
from typing import Any

from fastapi import Request
from nicegui import ui

from dashboards.layout import badge, card, count, empty, frame, seconds, share, tile, title, tone, words
from dashboards.services import Services
from dashboards.tables import Column, table
from warehouse import answers

FILL = "gristmill demo"
PUBLISH = "gristmill warehouse rebuild"


async def draw(services: Services, request: Request) -> None:
    """The page at ``/``."""
    answer = await to_thread(answers.overview, services.warehouse)
    with frame("Overview", request, answer.version):
        title("Overview", "What is in the lake, what ran last, whether the gates held, and which checkpoint is best.")
        if answer.version is None:
            with card():
                empty("Nothing has been published yet. Fill the lake, or publish what is in it:", FILL, PUBLISH)
            return
        _tiles(answer)
        with card("Best checkpoints", "The best value of every suite, with its 95 % interval."):
            _best(answer)
        with ui.element("div").classes("columns"):
            with card("Last runs", "Newest first. Times are UTC."):
                _runs(answer)
            with card("Gates", "Great Expectations suites at each arrow of the pipeline."):
                _gates(answer)


def _tiles(answer: answers.Overview) -> None:
    totals = answer.totals
    with ui.element("div").classes("tiles"):
        tile("Records", count(totals.records), f"from {count(totals.sources)} source{'s' * (totals.sources != 1)}")
        tile("Kept", share(totals.kept, totals.records), f"{count(totals.kept)} documents")
        tile("Rejected", count(totals.rejected), "failed a rule of the policy")
        tile("Duplicates", count(totals.duplicates), "copies of a kept document")
        tile("Set aside", count(totals.set_aside), "gave no text")
        tile("Tokens", count(totals.tokens), "words and marks, curated")
        tile("Checkpoints", count(totals.checkpoints), f"{count(totals.scores)} scores")


def _best(answer: answers.Overview) -> None:
    if not answer.best:
        empty("No checkpoint has been scored yet.", "gristmill evaluate CHECKPOINT")
        return
    if len(answer.ranking) > 1:
        first = answer.ranking[0]
        with ui.element("div").classes("callout"):
            ui.label(first.label).classes("callout-value")
            ui.label(
                f"has the best mean rank, {first.mean_rank:.2f} over {first.scores} scores, of "
                f"{len(answer.ranking)} checkpoints."
            )
    columns = [
        Column("suite", "Suite"),
        Column("area", "Area"),
        Column("metric", "Metric"),
        Column("subset", "Subset"),
        Column("value", "Value", "score"),
        Column("interval", "95 % interval"),
        Column("n", "Items", "number"),
        Column("label", "Checkpoint"),
        Column("step", "Step", "number"),
    ]
    rows = [
        {
            **score.model_dump(include={"suite", "area", "metric", "subset", "value", "n", "label", "step"}),
            "metric": words(score.metric) + ("" if score.higher_is_better else " (lower is better)"),
            "label": score.label + (f" and {score.tied - 1} more" if score.tied > 1 else ""),
            "interval": f"{score.low:.3f} – {score.high:.3f}",
        }
        for score in answer.best
    ]
    table(columns, rows)


def _runs(answer: answers.Overview) -> None:
    if not answer.runs:
        empty("No flow has run yet.", FILL)
        return
    columns = [
        Column("flow", "Flow"),
        Column("name", "Name"),
        Column("status", "Status", "badge"),
        Column("started", "Started", "mono"),
        Column("took", "Took"),
        Column("note", "Result", "wrap"),
    ]
    rows = [
        {
            "flow": entry.flow,
            "name": entry.name,
            "status": words(entry.status),
            "status_tone": tone(entry.status),
            "started": entry.started_at.strftime("%Y-%m-%d %H:%M"),
            "took": seconds(entry.seconds),
            "note": entry.error or _counts(entry.counts),
        }
        for entry in answer.runs
    ]
    table(columns, rows)


def _counts(counts: dict[str, Any]) -> str:
    """The plain numbers among a run's counts."""
    numbers = [(name, value) for name, value in counts.items() if isinstance(value, int | float)]
    return ", ".join(f"{value:,} {words(name)}" for name, value in numbers)


def _gates(answer: answers.Overview) -> None:
    if not answer.gates:
        empty("No gate has been run yet.", FILL)
        return
    for gate in answer.gates:
        with ui.element("a").props('href="/gates"').classes("gate-line"):
            badge(gate.status)
            ui.label(gate.gate).classes("gate-name")
            ui.label(gate.source).classes("muted ellipsis")
            ui.label(f"{gate.expectations - gate.failed} of {gate.expectations} held").classes("muted push")
