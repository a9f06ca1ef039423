"""Items: what a checkpoint answered to each item of a suite, how that was graded, and why.

Prompts, outputs and programs come from benchmarks and models: they are drawn as text nodes and nothing else.
"""

from asyncio import to_thread
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from nicegui import ui
from pydantic.dataclasses import dataclass

from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.components.answers import answer_card, corpora_card
from gristmill.dashboards.components.cards import card, empty, explained, no_such, pager, title
from gristmill.dashboards.components.contamination import SEEN, not_examined, seen_badge
from gristmill.dashboards.components.controls import choice, search_field, searched
from gristmill.dashboards.components.unscored import notice, unscored_table
from gristmill.dashboards.links import items_url
from gristmill.dashboards.page import Limit, Offset, Page, Text
from gristmill.dashboards.services import Services
from gristmill.dashboards.wording import count, distinct, tone, words
from gristmill.warehouse import queries
from gristmill.warehouse.queries import graded
from gristmill.warehouse.queries.contamination import Label, Seen, corpora
from gristmill.warehouse.queries.unanswered import missing, unscored

ROWS = 20
SHORT = 600
"""Characters up to which a prompt is shown unfolded."""
LABELS: tuple[Label, ...] = ("clean", "input", "answer", "short")
ONLY_SCORES = "Only scores are kept here, not the answers"
PERPLEXITY = "perplexity"
"""The area of held-out text, which is not a benchmark to search a corpus for."""
ABOUT = "What a checkpoint answered, how it was graded and why. Outputs are kept, so other conventions can grade them."


@dataclass(frozen=True)
class ItemsQuery:
    """The parameters of the page's address."""

    suite: Text | None = None
    checkpoint: Text | None = None
    convention: Text | None = None
    verdict: Text | None = None
    subset: Text | None = None
    seen: Seen | None = None
    query: Text = ""
    offset: Offset = 0

    @property
    def url(self) -> str:
        """The address with these parameters."""
        return items_url(
            self.suite,
            self.checkpoint,
            self.convention,
            verdict=self.verdict,
            subset=self.subset,
            seen=self.seen,
            query=self.query,
            offset=self.offset,
        )


async def draw(services: Services, request: Request, asked: ItemsQuery) -> None:
    """The page at ``/items``."""
    warehouse = services.warehouse
    suites = {suite.suite: suite for suite in await to_thread(graded.graded_suites, warehouse)}
    refused = await to_thread(unscored, warehouse)
    for one in refused:
        suites.setdefault(one.suite, graded.Suite(suite=one.suite, area=one.area, conventions=[]))
    title("Items", ABOUT)
    if not suites:
        with card():
            empty("No answers are kept yet.", warehouse.command("gristmill evaluate CHECKPOINT"))
        return
    if asked.suite is not None and asked.suite not in suites:
        scored = await to_thread(queries.scores, warehouse, None, asked.suite, 1)
        with card():
            told = no_such("suite", asked.suite, list(suites))
            explained(f"{ONLY_SCORES} to {asked.suite}." if scored else told, ("Suites with answers", "/items"))
        return
    suite = suites[asked.suite] if asked.suite else next(iter(suites.values()))
    answerers = await to_thread(graded.answerers, warehouse, suite.suite)
    without = {one.checkpoint: one for one in refused if one.suite == suite.suite}
    known = {answerer.checkpoint: answerer for answerer in answerers}
    for one in without.values():
        if one.checkpoint not in known:
            answerers.append(graded.Answerer(checkpoint=one.checkpoint, label=one.label, mixture="", step=0))
    # a checkpoint with scores but without answers keeps its name here, so that the page can say so
    checkpoint = asked.checkpoint or next(iter([*known, *without]), "")
    convention = asked.convention or next(iter(suite.conventions), "")
    if convention and convention not in suite.conventions:
        with card():
            told = no_such(f"grading convention for {suite.suite} called", convention, suite.conventions)
            explained(told, ("Headline convention", items_url(suite.suite, asked.checkpoint)))
        return
    asked = replace(asked, suite=suite.suite, checkpoint=checkpoint, convention=convention)
    found = await to_thread(
        graded.graded,
        warehouse,
        suite.suite,
        checkpoint,
        convention,
        verdict=asked.verdict,
        subset=asked.subset,
        seen=asked.seen,
        query=asked.query,
        limit=ROWS,
        offset=asked.offset,
    )
    looked_through = await to_thread(corpora, warehouse, suite.suite, checkpoint, convention)
    _form(list(suites), suite, answerers, found, asked)
    if checkpoint in without:
        notice(without[checkpoint], await to_thread(missing, warehouse, suite.suite, checkpoint))
    others = [one for one in without.values() if one.checkpoint != checkpoint]
    if others:
        with card(f"Also without a score on {suite.suite}"):
            unscored_table(others)
    if found.tallies:
        _tallies(found, asked)
        if looked_through:
            corpora_card(looked_through)
        elif suite.area != PERPLEXITY:
            not_examined(warehouse, suite.suite, checkpoint, checkpoint in known and bool(known[checkpoint].mixture))
    if found.items:
        for answer in found.items:
            answer_card(answer)
        shown = len(found.items)
        pager(found.offset, shown, found.total, "answers", ROWS, lambda at: replace(asked, offset=at).url)
        return
    if checkpoint in without and not found.tallies:
        return
    with card():
        plain = items_url(suite.suite, checkpoint, convention)
        if found.total:
            told = f"This search has {count(found.total)} answers; there is nothing at offset {count(asked.offset)}."
            explained(told, ("First page", replace(asked, offset=0).url))
        elif checkpoint in known:
            told = "No answer matches this search. Remove a filter, or search for part of the output."
            explained(told, ("All answers", plain))
        elif await to_thread(queries.scores, warehouse, checkpoint, suite.suite, 1):
            command = warehouse.command("gristmill evaluate CHECKPOINT")
            empty(f"{ONLY_SCORES} of this checkpoint to {suite.suite}.", command)
        else:
            told = no_such(f"checkpoint evaluated on {suite.suite} called", checkpoint, list(known))
            explained(told, ("Evaluated checkpoints", items_url(suite.suite)))


def _form(
    suites: list[str],
    suite: graded.Suite,
    answerers: list[graded.Answerer],
    found: graded.GradedPage,
    asked: ItemsQuery,
) -> None:
    names = distinct([(answerer.label, answerer.checkpoint) for answerer in answerers])
    labels = {answerer.checkpoint: names[answerer.label, answerer.checkpoint] for answerer in answerers}
    with ui.element("form").classes("controls").props('role="search"') as form:
        choice("Suite", suites, suite.suite, url=items_url)
        choice(
            "Checkpoint",
            labels,
            asked.checkpoint,
            url=lambda value: replace(asked, checkpoint=value, verdict=None, offset=0).url,
            classes="names",
        )
        choice(
            "Graded by",
            suite.conventions,
            asked.convention,
            url=lambda value: replace(asked, convention=value, verdict=None, offset=0).url,
        )
        verdicts = {tally.verdict: f"{words(tally.verdict)} ({count(tally.samples)})" for tally in found.tallies}
        verdict = choice("Verdict", verdicts, asked.verdict, clearable=True)
        numbers = {tally.seen: tally.samples for tally in found.seen}
        labelled: dict[str, str] = {name: f"{told} ({count(numbers.get(name, 0))})" for name, told in SEEN.items()}
        seen = choice("Seen", labelled, asked.seen, clearable=True)
        query = search_field("Item, prompt, output or reason", asked.query, "names")

        def go() -> None:
            wanted = replace(asked, verdict=verdict.value, seen=seen.value, query=searched(query), offset=0)
            ui.navigate.to(wanted.url)

        ui.button("Search", icon="search").props("unelevated no-caps type=submit")
        ui.link("Clear", items_url(asked.suite, asked.checkpoint, asked.convention)).classes("quiet-link")
        form.on("submit.prevent", go)


def _tallies(found: graded.GradedPage, asked: ItemsQuery) -> None:
    with ui.element("div").classes("answer-head"):
        # the numbers count all answers, so their links keep none of the other filters
        every = ItemsQuery(asked.suite, asked.checkpoint, asked.convention)
        for tally in found.tallies:
            with ui.element("a") as link:
                link.props["href"] = replace(every, verdict=tally.verdict).url
                ui.label(f"{words(tally.verdict)} {count(tally.samples)}").classes(f"badge tone-{tone(tally.verdict)}")
        if {tally.seen for tally in found.seen} != {"unexamined"}:
            ui.element("span").classes("divider")
            for by_label in found.seen:
                with ui.element("a") as link:
                    link.props["href"] = replace(every, seen=by_label.seen).url
                    seen_badge(by_label.seen, by_label.samples)


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows, as JSON."""
    warehouse = services.warehouse

    @api.get(
        "/items",
        tags=["models"],
        summary="What a checkpoint answered to the items of a suite, with grades",
        dependencies=[needs(Role.VIEWER)],
    )
    def items(
        suite: Annotated[str, Query(description="name of the suite")],
        checkpoint: Annotated[str, Query(description="full digest of the checkpoint")],
        convention: Annotated[str, Query(description="how answers were graded")],
        verdict: Annotated[str | None, Query(description="only answers with this verdict")] = None,
        subset: Annotated[str | None, Query(description="only items of this subject or domain")] = None,
        seen: Annotated[Seen | None, Query(description="only items that were seen in training like this")] = None,
        query: Annotated[
            str, Query(max_length=4096, description="part of the item, prompt, output, program, gold answer or reason")
        ] = "",
        limit: Limit = 20,
        offset: Annotated[int, Query(ge=0, le=10_000_000, description="answers to skip")] = 0,
    ) -> graded.GradedPage:
        return graded.graded(
            warehouse,
            suite,
            checkpoint,
            convention,
            verdict=verdict,
            subset=subset,
            seen=seen,
            query=query,
            limit=limit,
            offset=offset,
        )


PAGE = Page("/items", "Items", ItemsQuery, draw, routes=routes, role=Role.VIEWER)
