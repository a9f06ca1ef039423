"""Review: one doubtful document after another, decided from the keyboard."""

from asyncio import to_thread
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from nicegui import ui
from nicegui.events import KeyEventArguments
from pydantic import BaseModel, Field
from pydantic.dataclasses import dataclass

from gristmill.core.errors import UsageError
from gristmill.dashboards.accounts.access import address_of
from gristmill.dashboards.accounts.people import Role, person_of
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.components.cards import card, empty, explained, title
from gristmill.dashboards.components.tables import Column, table
from gristmill.dashboards.links import page_url, record_url
from gristmill.dashboards.page import Limit, Page, Text
from gristmill.dashboards.pages.review.desk import Desk
from gristmill.dashboards.pages.review.marked import draw_text
from gristmill.dashboards.services import Services
from gristmill.dashboards.wording import count
from gristmill.schemas.reviews.decision import Choice, Decision, SpanChoice
from gristmill.warehouse.reviews.case import Case, case
from gristmill.warehouse.reviews.deciding import decide, subject
from gristmill.warehouse.reviews.queue import Backlog, Seat, Waiting, backlog
from gristmill.warehouse.reviews.store import Reviews

ABOUT = (
    "Documents that the policy holds, and samples of what it kept and dropped. Others' decisions are hidden until you "
    "have decided."
)
KEYS = "j next · k previous · 1 keep · 2 redact · 3 drop · 4 defer · f next finding · s keep or redact that finding"
CHOICES = dict(zip("1234", Choice, strict=True))
SHOWN_SIMILAR = 5


@dataclass(frozen=True)
class ReviewQuery:
    """The parameters of the page's address. ``document``: a text hash; the first of the queue when left out."""

    document: Text | None = None
    seat: Seat = "reader"
    source: Text | None = None

    def url(self, document: str | None = None) -> str:
        """The address of another document of the same queue."""
        seat = None if self.seat == "reader" else self.seat
        return page_url("/review", document=document, seat=seat, source=self.source)


class NewDecision(BaseModel):
    """A decision as the API takes it; the person is the one who sends it."""

    document: str = Field(description="doc_id, text hash or URL")
    decision: Choice
    reason: str = Field(default="", max_length=2000)
    spans: list[SpanChoice] = Field(default=[], description="spans decided apart, in code points")
    arbiter: bool = False


async def draw(services: Services, request: Request, asked: ReviewQuery) -> None:
    """The page at ``/review``."""
    person = person_of(request).name
    warehouse, reviews = services.warehouse, Reviews(services.warehouse.root)
    waiting = await to_thread(backlog, warehouse, reviews, person, asked.seat, asked.source)
    title("Review", ABOUT)
    _seats(asked, waiting)
    wanted = asked.document or (waiting.waiting[0].text_hash if waiting.waiting else None)
    if wanted is None:
        with card():
            draw_one = warehouse.command("gristmill review sample --source NAME")
            empty(
                "Nothing waits for you. A policy holds documents by `action: review`; a sample adds others.", draw_one
            )
        return
    try:
        found = await to_thread(case, warehouse, reviews, wanted, person, asked.seat)
    except UsageError as error:
        with card():
            explained(str(error), ("The queue", asked.url()))
        return
    desk = Desk(found)
    row = next((entry for entry in waiting.waiting if entry.text_hash == found.text_hash), None)
    with ui.element("div").classes("columns side"):
        with ui.element("div"):
            _document(desk, row)
        with ui.element("div"):
            _decision(services, request, asked, desk, waiting)
            _context(found)
            _decided(found)


def _seats(asked: ReviewQuery, waiting: Backlog) -> None:
    with ui.element("div").classes("controls"):
        ui.label(
            f"{count(waiting.left)} wait for you; you decided {count(waiting.decided)}; readers differ about "
            f"{count(waiting.disputed)}."
        ).classes("muted")
        other: Seat = "arbiter" if asked.seat == "reader" else "reader"
        label = "Settle what readers differ about" if other == "arbiter" else "Back to reading"
        ui.link(label, replace(asked, seat=other, document=None).url()).classes("quiet-link")
        ui.link("Agreement, errors and signatures", "/review/figures").classes("quiet-link")


def _document(desk: Desk, row: Waiting | None) -> None:
    found = desk.case
    with card(found.url or found.doc_id, found.summary):
        if row is not None and row.rule:
            score = "" if row.score is None else f", score {row.score:.2f}"
            by = f" by {row.detector}" if row.detector else ""
            ui.label(f"Suggested: {row.rule}{by}{score}").classes("badge tone-warn")

        @ui.refreshable
        def text() -> None:
            draw_text(found.text, found.findings, desk.chosen)

        text()
        desk.on_change(text.refresh)
    with card("Findings", "What each detector said, and what the policy does. Click one, or press f and s."):

        @ui.refreshable
        def findings() -> None:
            desk.draw_findings()

        findings()
        desk.on_change(findings.refresh)
        desk.draw_marking()


def _decision(services: Services, request: Request, asked: ReviewQuery, desk: Desk, waiting: Backlog) -> None:
    person = person_of(request).name
    order = [entry.text_hash for entry in waiting.waiting]
    place = order.index(desk.case.text_hash) if desk.case.text_hash in order else -1

    def go(step: int) -> None:
        if order:
            ui.navigate.to(asked.url(order[(place + step) % len(order)]))

    async def take(choice: Choice) -> None:
        try:
            about = await to_thread(subject, services.warehouse, desk.case.text_hash)
            await to_thread(
                decide,
                Reviews(services.warehouse.root),
                about,
                person,
                choice,
                reason=str(reason.value or ""),
                spans=desk.spans(),
                arbiter=asked.seat == "arbiter",
                where=address_of(request),
            )
        except (UsageError, PermissionError) as error:
            ui.notify(str(error), type="negative", close_button=True, timeout=0)
            return
        rest = [text for text in (*order[place + 1 :], *order[: max(place, 0)]) if text != desk.case.text_hash]
        ui.navigate.to(asked.url(rest[0] if rest else None))

    async def pressed(event: KeyEventArguments) -> None:
        if not event.action.keydown or event.action.repeat or event.modifiers.ctrl or event.modifiers.meta:
            return
        name = str(event.key)
        if name in CHOICES:
            await take(CHOICES[name])
        elif name in ("j", "k"):
            go(1 if name == "j" else -1)
        elif name == "f":
            desk.next_finding()
        elif name == "s":
            desk.turn_finding()

    with card(f"Your decision, {person}"):
        with ui.element("div").classes("review-choices"):
            for key, choice in CHOICES.items():
                button = ui.button(f"{key} {choice}", on_click=lambda choice=choice: take(choice))
                button.props("unelevated no-caps")
        reason = ui.input("Reason").props("outlined dense maxlength=2000").classes("field")
        ui.label(KEYS).classes("muted review-keys")
    ui.keyboard(on_key=pressed)


def _context(found: Case) -> None:
    facts = [
        ("Source", found.source),
        ("Host", found.host),
        ("Domain", found.domain),
        ("Fetched", found.fetched_at.strftime("%Y-%m-%d") if found.fetched_at else None),
        ("Policy", found.stratum),
        ("Text", found.text_hash),
    ]
    with card("Context", classes="facts"):
        with ui.element("dl"):
            for name, value in facts:
                if value is not None:
                    with ui.element("dt"):
                        ui.label(name)
                    with ui.element("dd"):
                        ui.label(value)
        ui.link("Everything about this document", record_url(found.doc_id, "")).classes("quiet-link")
    similar = [
        (member.url or member.doc_id, member.doc_id, member.similarity) for member in found.similar if not member.itself
    ]
    similar += [(near.url or near.doc_id, near.doc_id, near.jaccard) for near in found.compared]
    if similar:
        rows = [
            {"url": url, "url_href": record_url(doc_id, ""), "similarity": value}
            for url, doc_id, value in similar[:SHOWN_SIMILAR]
        ]
        with card("Similar documents", "Members of its cluster, then documents that it was compared with."):
            table([Column("url", "URL", "link"), Column("similarity", "Jaccard", "score")], rows)


def _decided(found: Case) -> None:
    if not (found.decisions or found.hidden):
        return
    with card("Decisions"):
        for decision in found.decisions:
            role = "arbiter" if decision.arbiter else "reader"
            told = f"{decision.person} ({role}), {decision.at:%Y-%m-%d %H:%M}: {decision.decision}"
            ui.label(f"{told}. {decision.reason}" if decision.reason else told)
            for span in decision.spans:
                ui.label(f"{span.start}–{span.end} {span.kind}: {span.decision}").classes("muted")
        if found.hidden:
            ui.label(f"{found.hidden} of others are hidden until you have decided.").classes("muted")


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows and does, as JSON."""
    warehouse = services.warehouse
    allowed = [needs(Role.REVIEWER)]

    @api.get("/review", tags=["review"], summary="What waits for whoever asks", dependencies=allowed)
    def queue(
        request: Request,
        seat: Annotated[Seat, Query(description="reader, or arbiter of what readers differ about")] = "reader",
        source: Annotated[str | None, Query(description="one source; all if absent")] = None,
        limit: Limit = 100,
    ) -> Backlog:
        return backlog(warehouse, Reviews(warehouse.root), person_of(request).name, seat, source, limit)

    @api.get("/review/document", tags=["review"], summary="A document under review", dependencies=allowed)
    def document(
        request: Request,
        document: Annotated[str, Query(max_length=65_536, description="doc_id, text hash or URL")],
        seat: Annotated[Seat, Query(description="reader, or arbiter of what readers differ about")] = "reader",
    ) -> Case:
        try:
            return case(warehouse, Reviews(warehouse.root), document, person_of(request).name, seat)
        except UsageError as error:
            raise HTTPException(404, str(error)) from error

    @api.post(
        "/review/decisions", tags=["review"], summary="Decide about a document", status_code=201, dependencies=allowed
    )
    def store(decision: NewDecision, request: Request) -> Decision:
        try:
            return decide(
                Reviews(warehouse.root),
                subject(warehouse, decision.document),
                person_of(request).name,
                decision.decision,
                reason=decision.reason,
                spans=decision.spans,
                arbiter=decision.arbiter,
                where=address_of(request),
            )
        except UsageError as error:
            raise HTTPException(422, str(error)) from error


PAGE = Page("/review", "Review", ReviewQuery, draw, routes=routes, role=Role.REVIEWER)
