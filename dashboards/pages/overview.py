"""Overview: what the lake has, what ran last, whether the gates held, which checkpoint is best."""

from asyncio import to_thread
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from nicegui import ui

from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.components.cards import card, empty, tile, title
from gristmill.dashboards.components.tables import Column, table
from gristmill.dashboards.components.unscored import summary
from gristmill.dashboards.links import documents_url, items_url, page_url
from gristmill.dashboards.page import NoQuery, Page
from gristmill.dashboards.services import Services
from gristmill.dashboards.wording import count, seconds, share, tone, words
from gristmill.warehouse import queries

FILL = "gristmill demo"
PUBLISH = "gristmill warehouse rebuild"
MOST_UNSCORED = 8


async def draw(services: Services, request: Request, _asked: NoQuery) -> None:
    """The page at ``/``."""
    answer = await to_thread(queries.overview, services.warehouse)
    command = services.warehouse.command
    title("Overview", "What is in the lake, what ran last, whether the gates held, and which checkpoint is best.")
    if answer.version is None:
        with card():
            empty(
                "Nothing has been published yet. Fill the lake, or publish what is in it:",
                command(FILL),
                command(PUBLISH),
            )
        return
    _attention(answer)
    _tiles(answer)
    with card("Best checkpoints", "The best score on each suite, with its 95 % interval."):
        _best(answer, command)
    with ui.element("div").classes("columns"):
        with card("Last runs", "Newest first. Times are UTC."):
            _runs(answer, command)
        with card("Gates", "Great Expectations suites between the stages of the pipeline."):
            _gates(answer, command)


def _attention(answer: queries.Overview) -> None:
    """What needs attention: sources with nothing kept, files not read, gates that stopped a run or saw no rows, and
    suites without a score."""
    bare = [source for source in answer.sources if not source.kept]
    unread = [source for source in answer.sources if source.not_read]
    stopped = [gate for gate in answer.gates if gate.status == "stopped"]
    idle = [gate for gate in answer.gates if not gate.checked_rows and gate.status != "stopped"]
    if not (bare or unread or stopped or idle or answer.unscored):
        return
    with card("Needs attention"):
        for source in bare:
            records = f"none of {count(source.records)} records was kept" if source.records else "it has no records"
            url = page_url("/funnel", source=source.source)
            _line(url, "kept nothing", "bad", source.source, f"{records}; the funnel shows where they went")
        for source in unread:
            files = "1 input file was" if source.not_read == 1 else f"{count(source.not_read)} input files were"
            url = documents_url(source=source.source, fate="not_read")
            _line(url, "not read", "bad", source.source, f"{files} not read")
        for gate in stopped:
            failed = f"{gate.source}: {count(gate.failed)} of {count(gate.expectations)} expectations failed"
            _line("/gates", "stopped", "bad", gate.gate, f"{failed}; nothing after it was published")
        for gate in idle:
            _line("/gates", "no rows", "warn", gate.gate, f"{gate.source}: the gate passed, but had no rows to check")
        for one in answer.unscored[:MOST_UNSCORED]:
            _line(items_url(one.suite, one.checkpoint), "no score", "warn", one.label, f"{one.suite}: {summary(one)}")
        if len(answer.unscored) > MOST_UNSCORED:
            more = f"{count(len(answer.unscored) - MOST_UNSCORED)} more checkpoints and suites have no score"
            _line("/checkpoints", "no score", "warn", "…", more)


def _tiles(answer: queries.Overview) -> None:
    totals = answer.totals
    with ui.element("div").classes("tiles"):
        tile("Records", count(totals.records), f"from {count(totals.sources)} source{'s' * (totals.sources != 1)}")
        bad = "bad" if totals.records and not totals.kept else ""
        tile("Kept", share(totals.kept, totals.records), f"{count(totals.kept)} documents", bad)
        tile("Rejected", count(totals.rejected), "failed a rule of the policy")
        tile("Duplicates", count(totals.duplicates), "of a kept document")
        tile("Set aside", count(totals.set_aside), "yielded no text")
        tile("Tokens", count(totals.tokens), "words and punctuation")
        tile("Checkpoints", count(totals.checkpoints), f"{count(totals.scores)} scores")


def _best(answer: queries.Overview, command: Callable[[str], str]) -> None:
    if not answer.best:
        empty("No checkpoint has been scored yet.", command("gristmill evaluate CHECKPOINT"))
        return
    leaders = answer.leaders
    if leaders and len(answer.ranking) > 1:
        first = leaders[0]
        with ui.element("div").classes("callout"):
            more = f" and {len(leaders) - 1} more" if len(leaders) > 1 else ""
            ui.label(first.label + more).classes("callout-value")
            ui.label(
                f"{'share' if len(leaders) > 1 else 'has'} the best mean rank of {len(answer.ranking)} "
                f"checkpoints: {first.mean_rank:.2f} over {first.scores} scores that tell them apart."
            )
    columns = [
        Column("suite", "Suite"),
        Column("value", "Value", "score"),
        Column("interval", "95 % interval"),
        Column("label", "Checkpoint"),
        Column("step", "Step", "number"),
        Column("metric", "Metric"),
        Column("subset", "Subset"),
        Column("n", "Items", "number"),
        Column("area", "Area"),
    ]
    rows = [
        {
            **score.model_dump(include={"suite", "area", "metric", "subset", "value", "n", "label", "step"}),
            "metric": words(score.metric) + ("" if score.higher_is_better else " (lower is better)"),
            **_holders(score),
            "interval": f"{score.low:.3f} – {score.high:.3f}",
        }
        for score in answer.best
    ]
    table(columns, rows)


def _holders(score: queries.Best) -> dict[str, str | int | None]:
    """Who has the best value. If several share it, no step is named."""
    if score.tied > 1:
        return {"label": f"{score.label} and {score.tied - 1} more, tied", "step": None}
    return {"label": score.label, "step": score.step}


def _runs(answer: queries.Overview, command: Callable[[str], str]) -> None:
    if not answer.runs:
        empty("No flow has run yet.", command(FILL))
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
            **_status(entry),
            "started": entry.started_at.strftime("%Y-%m-%d %H:%M"),
            "took": seconds(entry.seconds),
            "note": entry.error or _counts(entry.counts),
        }
        for entry in answer.runs
    ]
    table(columns, rows)


def _status(entry: queries.Run) -> dict[str, str]:
    """The status of a run in its colour. One that succeeded but kept nothing is not green."""
    if entry.status == "succeeded" and entry.counts.get("kept") == 0:
        return {"status": "kept nothing", "status_tone": "bad"}
    return {"status": words(entry.status), "status_tone": tone(entry.status)}


def _counts(counts: dict[str, Any]) -> str:
    """The plain numbers among a run's counts."""
    numbers = [(name, value) for name, value in counts.items() if isinstance(value, int | float)]
    return ", ".join(f"{value:,} {words(name)}" for name, value in numbers)


def _gates(answer: queries.Overview, command: Callable[[str], str]) -> None:
    if not answer.gates:
        empty("No gate has run yet.", command(FILL))
        return
    for gate in answer.gates:
        idle = gate.status == "passed" and not gate.checked_rows
        word, colour = ("no rows", "warn") if idle else (words(gate.status), tone(gate.status))
        held = f"{gate.expectations - gate.failed} of {gate.expectations} held"
        _line("/gates", word, colour, gate.gate, gate.source, held)


def _line(url: str, word: str, colour: str, name: str, about: str, end: str = "") -> None:
    """A line that links to ``url``: a status in its colour, what has that status, and more about it."""
    with ui.element("a").classes("gate-line") as line:
        line.props["href"] = url
        ui.label(word).classes(f"badge tone-{colour}")
        ui.label(name).classes("gate-name ellipsis")
        ui.label(about).classes("muted ellipsis")
        if end:
            ui.label(end).classes("muted push")


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows, as JSON."""
    warehouse = services.warehouse

    @api.get(
        "/overview",
        tags=["pipeline"],
        summary="Totals, last runs, gates and best checkpoints",
        dependencies=[needs(Role.VIEWER)],
    )
    def overview() -> queries.Overview:
        return queries.overview(warehouse)


PAGE = Page("/", "Overview", NoQuery, draw, routes=routes, role=Role.VIEWER)
