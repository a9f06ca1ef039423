"""Figures of the review: agreement between readers, errors of the policy, and who signed which corpus."""

from asyncio import to_thread
from typing import Annotated

from fastapi import APIRouter, Query, Request
from nicegui import ui
from pydantic.dataclasses import dataclass

from gristmill.core.lake import Lake
from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.components.cards import card, empty, title
from gristmill.dashboards.components.tables import Column, table
from gristmill.dashboards.page import Page, Text
from gristmill.dashboards.services import Services
from gristmill.warehouse.reviews.agreement import ReaderAgreement
from gristmill.warehouse.reviews.corpus import UnsignedWork, unsigned_work
from gristmill.warehouse.reviews.figures import CorpusState, ReviewFigures, corpus_states, review_figures
from gristmill.warehouse.reviews.store import Reviews


@dataclass(frozen=True)
class FiguresQuery:
    """The parameters of the page's address."""

    source: Text | None = None


async def draw(services: Services, _request: Request, asked: FiguresQuery) -> None:
    """The page at ``/review/figures``."""
    warehouse, reviews = services.warehouse, Reviews(services.warehouse.root)
    found = await to_thread(review_figures, warehouse, reviews, asked.source)
    states = await to_thread(corpus_states, Lake(warehouse.root))
    title("Review figures", f"{found.decisions:,} decisions about {found.texts:,} texts.")
    with ui.element("div").classes("controls"):
        ui.link("The queue", "/review").classes("quiet-link")
    with card("Corpora", "A signature holds for the content that was signed. Training on others needs --unsigned."):
        if states:
            _states(states)
        else:
            empty("Nothing has been curated yet.", warehouse.command("gristmill curate --input PATH --source NAME"))
    with card(
        "Agreement between readers",
        "Krippendorff's alpha of first decisions about documents and about findings, and F1 of the spans that are "
        "redacted, with 95 % intervals over documents.",
    ):
        _agreement(found.agreement)
    with card("Errors of the policy", "From samples of what it kept and dropped, weighted to the corpus."):
        if found.errors:
            _errors(found)
        else:
            empty("No sample was drawn yet.", warehouse.command("gristmill review sample --source NAME"))


def _states(states: list[CorpusState]) -> None:
    columns = [
        Column("source", "Source"),
        Column("state", "Signature", "badge"),
        Column("person", "By"),
        Column("when", "When", "mono"),
        Column("note", "Note", "wrap"),
        Column("corpus", "Corpus", "mono"),
    ]
    rows = [
        {
            "source": state.source,
            "state": "signed" if state.person else "unsigned",
            "state_tone": "good" if state.person else "warn",
            "person": state.person,
            "when": state.at.strftime("%Y-%m-%d %H:%M") if state.at else None,
            "note": state.note,
            "corpus": state.corpus[:16],
        }
        for state in states
    ]
    table(columns, rows)


def ranged(value: float | None, low: float | None, high: float | None) -> str | None:
    """A number with its interval."""
    if value is None:
        return None
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _agreement(found: list[ReaderAgreement]) -> None:
    columns = [
        Column("kind", "Kind"),
        Column("documents", "Read twice", "number"),
        Column("readers", "Readers", "number"),
        Column("alpha", "Alpha"),
        Column("spans", "Alpha of findings"),
        Column("f1", "F1 of spans"),
    ]
    rows = [
        {
            "kind": row.kind,
            "documents": row.documents,
            "readers": row.readers,
            "alpha": ranged(row.alpha, row.alpha_low, row.alpha_high),
            "spans": ranged(row.span_alpha, row.span_alpha_low, row.span_alpha_high),
            "f1": ranged(row.span_f1, row.span_f1_low, row.span_f1_high),
        }
        for row in found
    ]
    table(columns, rows)


def _errors(found: ReviewFigures) -> None:
    columns = [
        Column("source", "Source"),
        Column("stratum", "The policy"),
        Column("documents", "Documents", "number"),
        Column("read", "Read", "number"),
        Column("wrong", "Wrong", "number"),
        Column("rate", "Error rate"),
        Column("documents_wrong", "Documents wrong, about", "number"),
    ]
    rows = [
        {
            **row.model_dump(include={"source", "stratum", "documents", "read", "wrong"}),
            "rate": ranged(row.rate, row.low, row.high),
            "documents_wrong": None if row.documents_wrong is None else round(row.documents_wrong),
        }
        for row in found.errors
    ]
    table(columns, rows)


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows, as JSON."""
    warehouse = services.warehouse
    allowed = [needs(Role.REVIEWER)]

    @api.get(
        "/review/figures",
        tags=["review"],
        summary="Agreement, and errors of the policy",
        dependencies=allowed,
    )
    def figures(
        source: Annotated[str | None, Query(description="one source; all if absent")] = None,
    ) -> ReviewFigures:
        return review_figures(warehouse, Reviews(warehouse.root), source)

    @api.get("/review/corpora", tags=["review"], summary="Who signed which corpus", dependencies=[needs(Role.VIEWER)])
    def corpora() -> list[CorpusState]:
        return corpus_states(Lake(warehouse.root))

    @api.get(
        "/review/unsigned",
        tags=["review"],
        summary="What was made from corpora that nobody signed off",
        dependencies=[needs(Role.VIEWER)],
    )
    def unsigned() -> UnsignedWork:
        return unsigned_work(Lake(warehouse.root))


PAGE = Page("/review/figures", "Review figures", FiguresQuery, draw, place="Review", routes=routes, role=Role.REVIEWER)
