"""Leaderboard: the checkpoints of every suite by score, with intervals, and a rank only where it is known."""

from asyncio import to_thread
from dataclasses import replace
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from nicegui import ui
from pydantic.dataclasses import dataclass

from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.components.cards import card, empty, explained, no_such, title
from gristmill.dashboards.components.controls import choice, search_field, searched
from gristmill.dashboards.components.tables import Column, interval, table
from gristmill.dashboards.components.unsigned import UNSIGNED, unsigned_in
from gristmill.dashboards.links import items_url, page_url
from gristmill.dashboards.page import Page, Text
from gristmill.dashboards.services import Services
from gristmill.dashboards.wording import count, p_value, words
from gristmill.schemas.scores import ALL, MACRO
from gristmill.warehouse.queries import Score, boards
from gristmill.warehouse.reviews.corpus import UnsignedWork

LEVEL = 0.05
WHOLE = 200
ABOUT = (
    "Bars are 95 % intervals; the dashed mark is chance. A checkpoint has a rank of its own only if it differs from "
    "both neighbours beyond chance; the others share a range of ranks."
)


@dataclass(frozen=True)
class LeaderboardQuery:
    """The parameters of the page's address."""

    area: Text | None = None
    suite: Text | None = None
    convention: Text = boards.HEADLINES
    checkpoint: Text = ""

    @property
    def url(self) -> str:
        """The address with these parameters."""
        convention = None if self.convention == boards.HEADLINES else self.convention
        return page_url(
            "/leaderboard", area=self.area, suite=self.suite, convention=convention, checkpoint=self.checkpoint
        )


async def draw(services: Services, request: Request, wanted: LeaderboardQuery) -> None:
    """The page at ``/leaderboard``."""
    warehouse = services.warehouse
    choices = await to_thread(boards.choices, warehouse)
    found = await to_thread(
        boards.leaderboard,
        warehouse,
        area=wanted.area,
        suite=wanted.suite,
        convention=wanted.convention,
        checkpoint=wanted.checkpoint,
        top=WHOLE if wanted.suite else boards.TOP,
    )
    by_subject = [await to_thread(boards.subjects, warehouse, board) for board in found] if wanted.suite else []
    marks = await unsigned_in(warehouse)
    title("Leaderboard", ABOUT)
    if not choices.suites:
        with card():
            empty("No checkpoint has been scored yet.", warehouse.command("gristmill evaluate CHECKPOINT"))
        return
    _form(choices, wanted)
    if not found:
        with card():
            _none(choices, wanted)
    for area, members in groupby(found, key=lambda board: board.area):
        ui.label(area.capitalize()).classes("area-title").props('role="heading" aria-level="2"')
        for board in members:
            _board(board, wanted, marks)
    for part in by_subject:
        if part.rows:
            _subjects(part)


def _none(choices: boards.Choices, wanted: LeaderboardQuery) -> None:
    """Why there is nothing to show."""
    unknown = [
        no_such(what, name, known)
        for what, name, known in (
            ("area", wanted.area, choices.areas),
            ("suite", wanted.suite, choices.suites),
            ("grading convention", wanted.convention, [boards.HEADLINES, boards.EVERY, *choices.conventions]),
        )
        if name is not None and name not in known
    ]
    explained(" ".join(unknown or ["No score matches these filters. Remove a filter."]), ("All scores", "/leaderboard"))


def _form(choices: boards.Choices, wanted: LeaderboardQuery) -> None:
    with ui.element("form").classes("controls").props('role="search"') as form:
        area = choice("Area", choices.areas, wanted.area, clearable=True)
        suite = choice("Suite", choices.suites, wanted.suite, clearable=True)
        graded_by = [boards.HEADLINES, boards.EVERY, *choices.conventions]
        convention = choice(
            "Graded by", graded_by, wanted.convention if wanted.convention in graded_by else boards.HEADLINES
        )
        checkpoint = search_field("Checkpoint", wanted.checkpoint, "wide")

        def go() -> None:
            ui.navigate.to(LeaderboardQuery(area.value, suite.value, convention.value, searched(checkpoint)).url)

        ui.button("Show", icon="filter_list").props("unelevated no-caps type=submit")
        ui.link("Clear", "/leaderboard").classes("quiet-link")
        form.on("submit.prevent", go)


def _board(board: boards.Board, wanted: LeaderboardQuery, marks: UnsignedWork) -> None:
    scale = _scale([standing.score for standing in board.standings])
    rows = [
        _row(standing, scale) | {"corpus": UNSIGNED if standing.score.checkpoint in marks.checkpoints else None}
        for standing in board.standings
    ]
    has_chance = any(row["chance"] is not None for row in rows)
    has_macro = any(row["macro"] is not None for row in rows)
    facts = [
        words(board.metric) + ("" if board.higher_is_better else ", lower is better"),
        f"graded by {board.convention}" + ("" if board.headline else " (not the headline)"),
        f"version {board.suite_digest[:8]}" if board.suite_digest else "",
        f"jail {board.jail_tier}" if board.jail_tier else "",
    ]
    with card(board.suite, " · ".join(fact for fact in facts if fact)):
        columns = [
            Column("rank", "Rank"),
            Column("label", "Checkpoint", "link"),
            Column("value", "Score", "score"),
            Column("bar", "95 % interval", "interval"),
            Column("ends", ""),
            *([Column("macro", "Macro", "score")] if has_macro else []),
            Column("n", "Items", "number"),
            *([Column("corpus", "Corpus", "badge")] if any(row["corpus"] for row in rows) else []),
            *([Column("chance", "Chance", "score"), Column("centred", "Centred", "score")] if has_chance else []),
            *([Column("above", "", "badge")] if any(row["above"] for row in rows) else []),
            Column("gap", "Lead", "badge"),
            Column("by", "Evidence"),
        ]
        table(columns, rows, page=25).classes("board")
        hidden = board.checkpoints - len(board.standings)
        with ui.element("div").classes("pages"):
            if hidden:
                ui.link(f"All {count(board.checkpoints)}", replace(wanted, suite=board.suite).url).classes("quiet-link")
            if not wanted.suite and (has_macro or not board.higher_is_better):
                ui.link("By subject", replace(wanted, suite=board.suite).url).classes("quiet-link")
            if len(board.standings) > 1:
                a, b = (standing.score.checkpoint for standing in (board.standings[1], board.standings[0]))
                ui.link("Compare the top two", page_url("/compare", a=a, b=b, suite=board.suite)).classes("quiet-link")


def _scale(scores: list[Score]) -> tuple[float, float]:
    """From 0 to 1; for bits per byte the range of the scores."""
    if scores[0].higher_is_better:
        return 0.0, 1.0
    return min(score.low for score in scores), max(score.high for score in scores)


def _row(standing: boards.Standing, scale: tuple[float, float]) -> dict[str, Any]:
    score, gap = standing.score, standing.gap
    known = standing.first_rank == standing.last_rank
    row: dict[str, Any] = {
        "rank": str(standing.first_rank) if known else f"{standing.first_rank}–{standing.last_rank}",
        "label": score.label or score.checkpoint[:12],
        "label_href": items_url(score.suite, score.checkpoint, score.convention),
        "value": score.value,
        "bar": interval(score.value, score.low, score.high, scale, score.chance),
        "ends": f"{score.low:.3f} – {score.high:.3f}",
        "macro": standing.macro.value if standing.macro else None,
        "n": score.n,
        "chance": score.chance,
        "centred": score.centred,
        "above": "not above chance" if score.above_chance is not None and score.above_chance >= LEVEL else None,
        "above_tone": "warn",
        "corpus_tone": "warn",
        "gap": None,
        "by": None,
    }
    if gap is not None:
        row["gap"] = f"by {gap.difference:.3f}" if gap.shown else "not shown"
        row["gap_tone"] = "good" if gap.shown else "plain"
        intervals = "intervals are disjoint" if gap.shown else "intervals overlap"
        row["by"] = intervals if gap.p is None else f"{gap.by}, {p_value(gap.p)}"
    return row


def _subjects(part: boards.Subjects) -> None:
    names = {ALL: "all items equally (micro)", MACRO: "all subjects equally (macro)"}
    columns = [
        Column("subset", "Subject"),
        Column("n", "Items", "number"),
        *([Column("chance", "Chance", "score")] if any(row.chance is not None for row in part.rows) else []),
        *(Column(f"at{place}", score.label or score.checkpoint[:12]) for place, score in enumerate(part.checkpoints)),
    ]
    rows = [
        {"subset": names.get(row.subset, row.subset), "n": row.n, "chance": row.chance}
        | {f"at{place}": _cell(score) for place, score in enumerate(row.scores)}
        for row in part.rows
    ]
    direction = "" if part.higher_is_better else ", lower is better"
    about = f"{words(part.metric)}{direction}, graded by {part.convention}; 95 % intervals in parentheses."
    with card(f"{part.suite} by subject", about):
        table(columns, rows).classes("board subjects")


def _cell(score: Score | None) -> str | None:
    return None if score is None else f"{score.value:.3f} ({score.low:.2f}–{score.high:.2f})"


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows, as JSON."""
    warehouse = services.warehouse

    @api.get(
        "/leaderboard",
        tags=["models"],
        summary="Checkpoints of each suite by score, ranked where the difference is beyond chance",
        dependencies=[needs(Role.VIEWER)],
    )
    def leaderboard(
        area: Annotated[str | None, Query(description="area of the suites")] = None,
        suite: Annotated[str | None, Query(description="name of the suite")] = None,
        convention: Annotated[
            str,
            Query(description=f"how answers were graded; {boards.HEADLINES!r} or {boards.EVERY!r} for several of them"),
        ] = boards.HEADLINES,
        checkpoint: Annotated[
            str, Query(max_length=4096, description="part of a label, or the start of a digest")
        ] = "",
        limit: Annotated[int, Query(ge=1, le=200, description="checkpoints of each suite")] = boards.TOP,
    ) -> list[boards.Board]:
        return boards.leaderboard(
            warehouse, area=area, suite=suite, convention=convention, checkpoint=checkpoint, top=limit
        )


PAGE = Page("/leaderboard", "Leaderboard", LeaderboardQuery, draw, routes=routes, role=Role.VIEWER)
