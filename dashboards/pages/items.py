"""Items: what a checkpoint answered to each item of a suite, how that was graded, and why.

Prompts, outputs and programs come from benchmarks and models: they are drawn as text nodes and nothing else.
"""

from asyncio import to_thread
from collections.abc import Callable
from dataclasses import dataclass, replace

from fastapi import Request
from nicegui import ui

from dashboards.charts import distinct
from dashboards.layout import badge, card, count, empty, folded, frame, pager, quoted, title, tone, words
from dashboards.links import items_url
from dashboards.services import Services
from warehouse.answers import graded

PAGE = 20
SHORT = 600
"""Characters up to which a prompt is shown unfolded."""
ABOUT = "What a checkpoint answered, how it was graded and why. Outputs are kept, so other conventions can grade them."


@dataclass(frozen=True)
class Asked:
    """What the address of the page says."""

    suite: str | None = None
    checkpoint: str | None = None
    convention: str | None = None
    verdict: str | None = None
    subset: str | None = None
    query: str = ""
    offset: int = 0

    @property
    def url(self) -> str:
        """The address that says this."""
        return items_url(
            self.suite,
            self.checkpoint,
            self.convention,
            verdict=self.verdict,
            subset=self.subset,
            query=self.query,
            offset=self.offset,
        )


async def draw(services: Services, request: Request, asked: Asked) -> None:
    """The page at ``/items``."""
    warehouse = services.warehouse
    suites = {suite.suite: suite for suite in await to_thread(graded.graded_suites, warehouse)}
    with frame("Items", request, warehouse.version):
        title("Items", ABOUT)
        if not suites:
            with card():
                empty("No answers are kept yet.", "gristmill evaluate CHECKPOINT")
            return
        suite = suites.get(asked.suite or "", next(iter(suites.values())))
        answerers = await to_thread(graded.answerers, warehouse, suite.suite)
        known = {answerer.checkpoint: answerer for answerer in answerers}
        # a checkpoint that has scores but no answers is named all the same, so that the page can say so
        checkpoint = asked.checkpoint or next(iter(known), "")
        convention = asked.convention if asked.convention in suite.conventions else suite.conventions[0]
        asked = replace(asked, suite=suite.suite, checkpoint=checkpoint, convention=convention)
        found = await to_thread(
            graded.graded,
            warehouse,
            suite.suite,
            checkpoint,
            convention,
            verdict=asked.verdict,
            subset=asked.subset,
            query=asked.query,
            limit=PAGE,
            offset=asked.offset,
        )
        _form(list(suites), suite, answerers, found, asked)
        if found.items:
            _tallies(found, asked)
            for answer in found.items:
                _answer(answer)
            last = found.offset + len(found.items)
            before = replace(asked, offset=max(0, found.offset - PAGE)).url if found.offset else None
            after = replace(asked, offset=last).url if last < found.total else None
            pager(found.offset, len(found.items), found.total, "answers", before, after)
            return
        with card():
            if checkpoint in known:
                empty("No answer matches this search.", "Take away a filter, or search for a part of the output.")
            else:
                what = "The answers of this checkpoint to this suite are not kept here: only its scores are."
                empty(what, "gristmill evaluate CHECKPOINT")


def _form(
    suites: list[str],
    suite: graded.Suite,
    answerers: list[graded.Answerer],
    found: graded.GradedPage,
    asked: Asked,
) -> None:
    names = distinct([(answerer.label, answerer.checkpoint) for answerer in answerers])
    labels = {answerer.checkpoint: names[answerer.label, answerer.checkpoint] for answerer in answerers}
    with ui.element("form").classes("controls").props('role="search"') as form:
        _select("Suite", suites, suite.suite, items_url)
        _select(
            "Checkpoint",
            labels,
            asked.checkpoint if asked.checkpoint in labels else None,
            lambda value: replace(asked, checkpoint=value, verdict=None, offset=0).url,
        ).classes("names")
        _select(
            "Graded by",
            suite.conventions,
            asked.convention,
            lambda value: replace(asked, convention=value, verdict=None, offset=0).url,
        )
        verdicts = {tally.verdict: f"{words(tally.verdict)} ({count(tally.samples)})" for tally in found.tallies}
        verdict = (
            ui.select(
                verdicts, label="Verdict", value=asked.verdict if asked.verdict in verdicts else None, clearable=True
            )
            .props("outlined dense")
            .classes("control")
        )
        query = (
            ui.input("Item, prompt, output or reason", value=asked.query)
            .props("outlined dense clearable")
            .classes("control names")
        )

        def go() -> None:
            wanted = replace(asked, verdict=verdict.value, query=(query.value or "").strip(), offset=0)
            ui.navigate.to(wanted.url)

        ui.button("Search", icon="search").props("unelevated no-caps type=submit")
        ui.link("Clear", items_url(asked.suite, asked.checkpoint, asked.convention)).classes("quiet-link")
        form.on("submit.prevent", go)


def _select(label: str, options: list[str] | dict[str, str], value: str | None, url: Callable[[str], str]) -> ui.select:
    """A choice that leads to another page at once."""
    return (
        ui.select(options, label=label, value=value, on_change=lambda event: ui.navigate.to(url(event.value)))
        .props("outlined dense")
        .classes("control")
    )


def _tallies(found: graded.GradedPage, asked: Asked) -> None:
    with ui.element("div").classes("answer-head"):
        for tally in found.tallies:
            with ui.element("a").props(f'href="{replace(asked, verdict=tally.verdict, offset=0).url}"'):
                ui.label(f"{words(tally.verdict)} {count(tally.samples)}").classes(f"badge tone-{tone(tally.verdict)}")


def _answer(answer: graded.Graded) -> None:
    notes = [
        answer.subset,
        answer.cluster,
        f"sample {answer.repeat + 1}" if answer.repeat else "",
        f"value {answer.value:.3f}" if answer.value not in (0.0, 1.0) else "",
        "left out of the score: the machine failed" if answer.weight == 0 else "",
    ]
    with card(classes="answer"):
        with ui.element("div").classes("answer-head"):
            badge(answer.verdict)
            ui.label(answer.item).classes("answer-name")
            ui.label(" · ".join(note for note in notes if note)).classes("muted")
        if answer.prompt is not None:
            with folded("Prompt", opened=len(answer.prompt) <= SHORT):
                quoted(answer.prompt)
        if answer.output is not None:
            ended = f", {count(answer.tokens or 0)} tokens, ended by {answer.finish}" if answer.finish else ""
            quoted(answer.output, f"Output{ended}")
        if answer.options:
            _options(answer.options)
        if answer.program:
            with folded("Program that was run"):
                quoted(answer.program)
        with ui.element("div").classes("sides"):
            for about, text in (("Gold answer", answer.expected), ("Reason", answer.detail)):
                if text:
                    with ui.element("div"):
                        quoted(text, about)
        if answer.others:
            others = ", ".join(f"{other.convention}: {words(other.verdict)}" for other in answer.others)
            ui.label(f"The same output under other conventions: {others}").classes("quoted-about")


def _options(options: list[graded.Option]) -> None:
    """The options with their log-probabilities; the most probable in bold."""
    ui.label("Options, with their log-probability in nats").classes("quoted-about")
    best = max(options, key=lambda option: option.log_probability or float("-inf"))
    with ui.element("div").classes("options"):
        for place, option in enumerate(options):
            strong = " option-best" if option is best else ""
            ui.label(str(place + 1)).classes("muted")
            ui.label(option.text.strip()).classes(f"option-text{strong}").props('lang=""')
            nats = option.log_probability
            ui.label("–" if nats is None else f"{nats:.3f}").classes(strong.strip())
