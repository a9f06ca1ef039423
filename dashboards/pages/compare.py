"""Compare: is checkpoint B better than checkpoint A, on which suites, by how much, and on which items."""

from asyncio import to_thread
from collections import Counter
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from nicegui import ui
from pydantic.dataclasses import dataclass

from gristmill.core.errors import GristmillError
from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.components.cards import badge, card, empty, explained, folded, no_such, pager, quoted, title
from gristmill.dashboards.components.contamination import evidence, not_examined, seen_badge, seen_in
from gristmill.dashboards.components.controls import choice
from gristmill.dashboards.components.tables import Column, interval, table
from gristmill.dashboards.links import items_url, page_url
from gristmill.dashboards.page import Offset, Page, Text
from gristmill.dashboards.services import Services
from gristmill.dashboards.wording import count, distinct, p_value, words
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.compare import Which, compare, differing, sides
from gristmill.warehouse.queries.comparison import Comparison, Difference, Differing, Discordant, Side, SuiteComparison

ROWS = 10
SHORT = 600
WHICH: dict[Which, str] = {"any": "all that differ", "a": "A did better", "b": "B did better"}
ABOUT = "Is B better than A? Compared item by item, on the suites that both were evaluated on. Differences are B - A."
EVALUATE = "gristmill evaluate CHECKPOINT"


@dataclass(frozen=True)
class CompareQuery:
    """The parameters of the page's address: two digests, the suite whose items are shown, and which of them."""

    a: Text | None = None
    b: Text | None = None
    suite: Text | None = None
    which: Which = "any"
    offset: Offset = 0

    @property
    def url(self) -> str:
        """The address with these parameters."""
        which = None if self.which == "any" else self.which
        return page_url("/compare", a=self.a, b=self.b, suite=self.suite, which=which, offset=self.offset or None)


async def draw(services: Services, request: Request, question: CompareQuery) -> None:
    """The page at ``/compare``."""
    warehouse = services.warehouse
    known = await to_thread(sides, warehouse)
    title("Compare", ABOUT)
    if len(known) < 2:
        with card():
            empty("Evaluate two checkpoints on the same suite to compare them.", warehouse.command(EVALUATE))
        return
    _form(known, question)
    if not (question.a and question.b):
        with card():
            empty("Choose two checkpoints.")
        return
    try:
        answer = await to_thread(services.comparisons.of, question.a, question.b)
    except GristmillError as error:
        with card():
            explained(f"{error}.", ("Choose two checkpoints", "/compare"))
        return
    _summary(answer, question)
    _refused(answer)
    suite = _chosen(answer, question)
    if question.suite is not None and (suite is None or suite.suite != question.suite):
        refused = {entry.suite for entry in answer.refused}
        compared = sorted({entry.suite for entry in answer.suites} | refused)
        with card():
            told = no_such("suite that both were evaluated on, called", question.suite, compared)
            told = (
                f"{question.suite} could not be compared; the reason is above." if question.suite in refused else told
            )
            explained(told, ("All suites", replace(question, suite=None, offset=0).url))
        return
    if suite is not None:
        items = await to_thread(
            differing, warehouse, answer, suite.suite, question.which, offset=question.offset, limit=ROWS
        )
        _suite(warehouse, answer, suite, items, replace(question, suite=suite.suite))


def _form(known: list[Side], question: CompareQuery) -> None:
    names = distinct([(side.label, side.checkpoint) for side in known])
    labels = {side.checkpoint: names[side.label, side.checkpoint] for side in known}
    with ui.element("form").classes("controls") as form:
        a = _select("A", labels, question.a)
        b = _select("B, which may be better", labels, question.b)

        def go() -> None:
            ui.navigate.to(CompareQuery(a.value, b.value, question.suite).url)

        ui.button("Compare", icon="compare_arrows").props("unelevated no-caps type=submit")
        if question.a and question.b:
            ui.link("Swap", CompareQuery(question.b, question.a, question.suite).url).classes("quiet-link")
        form.on("submit.prevent", go)


def _select(label: str, labels: dict[str, str], value: str | None) -> ui.select:
    known = next((digest for digest in labels if value and digest.startswith(value)), None)
    return choice(label, labels, known, classes="names")


def _chosen(answer: Comparison, question: CompareQuery) -> SuiteComparison | None:
    """The suite that was asked for, or the first with items that differ."""
    asked = [suite for suite in answer.suites if suite.suite == question.suite]
    differ = [suite for suite in answer.suites if suite.whole.more_a + suite.whole.more_b]
    return next(iter(asked or differ), None)


def _summary(answer: Comparison, question: CompareQuery) -> None:
    verdicts = Counter(suite.whole.verdict for suite in answer.suites)
    tests = len(answer.suites)
    with card(classes="comparison"):
        for side, letter in ((answer.a, "A"), (answer.b, "B")):
            with ui.element("div").classes("answer-head"):
                ui.label(letter).classes("muted")
                ui.label(side.label).classes("answer-name")
                ui.label(side.checkpoint[:12]).classes("muted")
        parts = [f"B is {verdict} on {verdicts[verdict]}" for verdict in ("better", "worse") if verdicts[verdict]]
        if verdicts["not shown"]:
            parts.append(f"no difference is shown on {verdicts['not shown']}")
        suites = "suite" if tests == 1 else "suites"
        ui.label(f"On {tests} {suites}: {', '.join(parts)} (p below 0.05 after Holm over {tests}).").classes("says")
        reach = max(max(abs(suite.whole.low), abs(suite.whole.high)) for suite in answer.suites)
        rows = [
            _row(suite, suite.whole, reach) | {"suite_href": CompareQuery(question.a, question.b, suite.suite).url}
            for suite in answer.suites
        ]
        table([Column("suite", "Suite", "link"), Column("metric", "Metric"), *COLUMNS], rows, page=50).classes("board")
        ui.label(
            "“Better” counts the items on which one did better than the other. “Detectable” is the difference that a "
            "set of this size and spread would show four times out of five. ↓ means lower is better."
        ).classes("card-about")


COLUMNS = (
    Column("verdict", "B is", "badge"),
    Column("value_a", "A", "score"),
    Column("value_b", "B", "score"),
    Column("difference", "B - A", "signed"),
    Column("bar", "95 % interval", "interval"),
    Column("ends", ""),
    Column("p", "p"),
    Column("holm", "p, Holm"),
    Column("better", "Better A : B"),
    Column("items", "Items", "number"),
    Column("detectable", "Detectable", "score"),
)


def _row(suite: SuiteComparison, part: Difference, reach: float) -> dict[str, Any]:
    """A row of a table; bars are on a scale from ``-reach`` to ``reach``."""
    metric = words(suite.metric) + ("" if suite.higher_is_better else " ↓")
    numbers = {"value_a", "value_b", "difference", "items", "detectable", "subset"}
    return part.model_dump(include=numbers) | {
        "suite": suite.suite,
        "metric": metric,
        "verdict": part.verdict,
        "verdict_tone": {"better": "good", "worse": "bad"}.get(part.verdict, "plain"),
        "bar": interval(part.difference, part.low, part.high, (-reach, reach), 0.0),
        "ends": f"{part.low:+.3f} to {part.high:+.3f}",
        "p": p_value(part.p).removeprefix("p ").removeprefix("= "),
        "better": f"{count(part.more_a)} : {count(part.more_b)}",
        "holm": p_value(part.p_holm).removeprefix("p ").removeprefix("= "),
    }


def _refused(answer: Comparison) -> None:
    if answer.refused:
        columns = [Column("suite", "Suite"), Column("reason", "Reason", "wrap")]
        with card("Not compared"):
            table(columns, [refused.model_dump() for refused in answer.refused], page=10)


def _suite(
    warehouse: Warehouse, answer: Comparison, suite: SuiteComparison, found: Differing, question: CompareQuery
) -> None:
    with card(suite.suite, f"{words(suite.metric)}, graded by {suite.convention}"):
        ui.label(_sentence(suite.whole.sentence)).classes("says")
        if suite.macro:
            ui.label(_sentence(f"all subjects weighted equally: {suite.macro.sentence}")).classes("says")
        if suite.whole.clusters < suite.whole.items:
            ui.label(
                f"{count(suite.whole.items)} items in {count(suite.whole.clusters)} passages: items of one "
                "passage are not independent, and intervals and p-values take that into account."
            ).classes("muted")
        if suite.left_out:
            ui.label(f"{count(suite.left_out)} items are left out: the machine failed on them.").classes("muted")
        for note in suite.notes:
            ui.label(_sentence(note)).classes("muted")
        if suite.subjects:
            reach = max(max(abs(part.low), abs(part.high)) for part in suite.subjects)
            columns = [Column("subset", "Subject"), *COLUMNS]
            table(columns, [_row(suite, part, reach) for part in suite.subjects], page=25).classes("board")
    if not found.differ:
        return
    with card("Items that differ", "Largest differences first. If an item has several answers, the first is shown."):
        with ui.element("div").classes("answer-head"):
            for which, label in WHICH.items():
                link = ui.link(label, replace(question, which=which, offset=0).url).classes("nav-link")
                if which == question.which:
                    link.classes("active")
        if not found.items and found.total:
            told = f"There are {count(found.total)} such items; there is nothing at offset {count(question.offset)}."
            explained(told, ("First page", replace(question, offset=0).url))
            return
        if not found.items:
            ui.label("There are none.").classes("muted")
            return
        if not any(item.examined for item in found.items):
            not_examined(warehouse, suite.suite, answer.b.checkpoint, bool(answer.b.mixture))
        for item in found.items:
            _discordant(answer, suite, item)
        shown = len(found.items)
        pager(question.offset, shown, found.total, "items", ROWS, lambda at: replace(question, offset=at).url)


def _sentence(text: str) -> str:
    """With a capital and a full stop; a name at the start stays as it is."""
    start = text[:1].upper() if text.startswith(("no difference", "all subjects", "answered by")) else text[:1]
    return f"{start}{text[1:]}."


def _discordant(answer: Comparison, suite: SuiteComparison, item: Discordant) -> None:
    with ui.element("article").classes("discordant"):
        with ui.element("div").classes("answer-head"):
            ui.label(item.item).classes("answer-name")
            ui.label(" · ".join(part for part in (item.subset, item.cluster) if part)).classes("muted")
            if item.examined:
                seen_badge(seen_in(item.examined))
        evidence(item.examined)
        with folded("Prompt", opened=len(item.prompt) <= SHORT):
            quoted(item.prompt)
        quoted(item.expected, "Gold answer")
        both = (
            (answer.a, "A", item.verdict_a, item.value_a, item.output_a, item.detail_a),
            (answer.b, "B", item.verdict_b, item.value_b, item.output_b, item.detail_b),
        )
        with ui.element("div").classes("sides"):
            for side, letter, verdict, value, output, detail in both:
                with ui.element("div"):
                    with ui.element("div").classes("side-head"):
                        ui.label(letter).classes("muted")
                        badge(verdict)
                        if value not in (0.0, 1.0):
                            ui.label(f"{value:.3f}")
                        link = items_url(suite.suite, side.checkpoint, suite.convention, query=item.item)
                        ui.link(side.label, link).classes("ellipsis quiet-link")
                    quoted(output)
                    if detail and detail != output:
                        ui.label(detail).classes("quoted-about")


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows, as JSON."""
    warehouse = services.warehouse

    @api.get(
        "/compare",
        tags=["models"],
        summary="Is checkpoint B better than checkpoint A, item by item",
        dependencies=[needs(Role.VIEWER)],
    )
    def comparison(
        a: Annotated[
            str, Query(max_length=4096, description="label of an evaluated checkpoint, or the start of its digest")
        ],
        b: Annotated[str, Query(max_length=4096, description="the checkpoint that may be better")],
        suite: Annotated[list[str] | None, Query(description="only these suites; Holm is over them")] = None,
        examples: Annotated[int, Query(ge=0, le=1000, description="differing items to return for each suite")] = 5,
    ) -> Comparison:
        try:
            return compare(warehouse, a, b, suite or (), examples=examples)
        except GristmillError as error:
            raise HTTPException(422, str(error)) from error


PAGE = Page("/compare", "Compare", CompareQuery, draw, routes=routes, role=Role.VIEWER)
