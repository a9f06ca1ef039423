"""Checkpoint: one saved model: its run, its mixture, what it read, what it scored, and the checkpoints beside it."""

from asyncio import to_thread
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Request
from nicegui import ui
from pydantic.dataclasses import dataclass

from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.components.cards import card, empty, explained, title
from gristmill.dashboards.components.tables import Column, interval, table
from gristmill.dashboards.components.unsigned import unsigned_callout, unsigned_in
from gristmill.dashboards.links import checkpoint_url, items_url, page_url
from gristmill.dashboards.page import Page, Text
from gristmill.dashboards.services import Services
from gristmill.dashboards.wording import count, words
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries import Score
from gristmill.warehouse.queries.training.saved import CheckpointAnswer, checkpoint_answer
from gristmill.warehouse.queries.training.stale import stale_by

SHOWN = 40


@dataclass(frozen=True)
class CheckpointQuery:
    """A checkpoint by its digest, or the start of it."""

    checkpoint: Text


async def draw(services: Services, _request: Request, asked: CheckpointQuery) -> None:
    """The page at ``/checkpoints/<digest>``."""
    found = await to_thread(checkpoint_answer, services.warehouse, asked.checkpoint)
    if found is None:
        title("Checkpoint", "A saved model, with its scores.")
        shown = asked.checkpoint if len(asked.checkpoint) <= SHOWN else f"{asked.checkpoint[:SHOWN]}…"
        with card():
            explained(f"There is not one checkpoint whose digest begins with {shown}.", ("Checkpoints", "/checkpoints"))
        return
    title(found.label, f"Checkpoint {found.checkpoint}")
    marks = await unsigned_in(services.warehouse)
    unsigned_callout("What it was trained on", marks.checkpoints.get(found.checkpoint, []))
    with ui.element("div").classes("columns side"):
        with ui.element("div"):
            _scores(services.warehouse, found)
            _siblings(found)
        with card("Checkpoint", classes="facts"):
            _facts(services.warehouse, found)


def _facts(warehouse: Warehouse, found: CheckpointAnswer) -> None:
    saved = found.saved
    facts: list[tuple[str, str | None]] = [("Digest", found.checkpoint)]
    facts += [("Stale", entry.about) for entry in stale_by(warehouse, "checkpoint", found.checkpoint)]
    if saved is None:
        facts.append(("Origin", "handed in"))
    else:
        facts += [
            ("Step", count(saved.step)),
            ("Tokens seen", count(saved.tokens)),
            ("Rows of the plan", f"{count(saved.first_row)}–{count(saved.end_row)}"),
            ("Parameters", count(saved.parameters)),
            ("Training loss, nats per token", None if found.loss is None else f"{found.loss:.4f}"),
            *((f"Held-out loss, {domain}", f"{loss:.4f}") for domain, loss in found.heldout.items()),
            ("Folder in the lake", saved.path),
        ]
    with ui.element("dl"):
        if saved is not None:
            for name, label, url in (
                ("Run", saved.run[:16], page_url("/training", runs=saved.run)),
                ("Mixture", saved.mixture, page_url("/mixtures", mix=found.mix, mixture=saved.mixture)),
            ):
                if label and (name == "Run" or found.mix):
                    with ui.element("dt"):
                        ui.label(name)
                    with ui.element("dd"):
                        ui.link(label, url)
        for name, value in facts:
            if value is not None:
                with ui.element("dt"):
                    ui.label(name)
                with ui.element("dd"):
                    ui.label(value)
    if saved is not None:
        ui.label("Which documents it read:").classes("card-about")
        ui.label(warehouse.command(f"gristmill lineage {found.checkpoint[:12]}")).classes("empty-command")


def _scores(warehouse: Warehouse, found: CheckpointAnswer) -> None:
    with card("Scores", "Bars are 95 % intervals over the items of a suite; the dashed mark is chance."):
        if not found.scores:
            empty("It has not been scored yet.", warehouse.command(f"gristmill evaluate {found.checkpoint[:12]}"))
            return
        columns = [
            Column("suite", "Suite", "link"),
            Column("metric", "Metric"),
            Column("subset", "Subset"),
            Column("value", "Value", "score"),
            Column("bar", "95 % interval", "interval"),
            Column("ends", ""),
            Column("n", "Items", "number"),
            Column("convention", "Graded by"),
        ]
        most = max((score.high for score in found.scores if not score.higher_is_better), default=1.0)
        table(columns, [_score(score, most) for score in found.scores], page=25).classes("board")


def _score(score: Score, most: float) -> dict[str, Any]:
    scale = (0.0, 1.0) if score.higher_is_better else (0.0, most)
    return score.model_dump(include={"suite", "subset", "value", "n", "convention"}) | {
        "suite_href": items_url(score.suite, score.checkpoint, score.convention),
        "metric": words(score.metric) + ("" if score.higher_is_better else " ↓"),
        "bar": interval(score.value, score.low, score.high, scale, score.chance),
        "ends": f"{score.low:.3f} – {score.high:.3f}",
    }


def _siblings(found: CheckpointAnswer) -> None:
    """The checkpoints of the run, each with a link to its comparison with this one."""
    if len(found.siblings) < 2:
        return
    columns = [
        Column("step", "Step", "number"),
        Column("tokens", "Tokens seen", "number"),
        Column("checkpoint", "Digest", "mono"),
        Column("compare", "", "link"),
    ]
    rows = []
    for one in found.siblings:
        row: dict[str, Any] = {"step": one.step, "tokens": one.tokens, "checkpoint": one.checkpoint[:16]}
        if one.checkpoint == found.checkpoint:
            rows.append(row | {"compare": "this one"})
            continue
        earlier, later = sorted((one.step, found.saved.step if found.saved else 0))
        a, b = (one.checkpoint, found.checkpoint) if one.step == earlier else (found.checkpoint, one.checkpoint)
        row |= {"checkpoint_href": checkpoint_url(one.checkpoint), "compare": "compare"}
        rows.append(row | {"compare_href": page_url("/compare", a=a, b=b) if earlier != later else None})
    with card("Checkpoints of its run"):
        table(columns, rows, page=15)


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows, as JSON."""
    warehouse = services.warehouse

    @api.get(
        "/checkpoints/{checkpoint}",
        tags=["models"],
        summary="One checkpoint, with its scores and its run",
        dependencies=[needs(Role.VIEWER)],
    )
    def checkpoint(
        checkpoint: Annotated[str, Path(max_length=4096, description="digest, or the start of it")],
    ) -> CheckpointAnswer:
        found = checkpoint_answer(warehouse, checkpoint)
        if found is None:
            raise HTTPException(404, "not one checkpoint has a digest that begins so; /api/checkpoints lists all")
        return found


PAGE = Page(
    "/checkpoints/{checkpoint}",
    "Checkpoint",
    CheckpointQuery,
    draw,
    place="Checkpoints",
    routes=routes,
    role=Role.VIEWER,
)
