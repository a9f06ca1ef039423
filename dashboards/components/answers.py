"""Graded answers as the page Items shows them: a card for each, and one for how the score changes without seen items.

Prompts, outputs and programs come from benchmarks and models: they are drawn as text nodes and nothing else.
"""

from nicegui import ui

from gristmill.dashboards.components.cards import badge, card, folded, quoted
from gristmill.dashboards.components.contamination import SEEN, corpus_name, evidence, seen_badge, seen_in
from gristmill.dashboards.components.tables import Column, interval, table
from gristmill.dashboards.wording import count, words
from gristmill.warehouse.queries import graded
from gristmill.warehouse.queries.contamination import CorpusLabels, Label

SHORT = 600
"""Characters up to which a prompt is shown unfolded."""
LABELS: tuple[Label, ...] = ("clean", "input", "answer", "short")


def corpora_card(looked_through: list[CorpusLabels]) -> None:
    """How many items each corpus contains, and the score without them."""
    differences = [found.score.difference for found in looked_through if found.score]
    reach = max((max(abs(ends.low), abs(ends.high)) for ends in differences), default=0.0)
    columns = [
        Column("corpus", "Corpus", "wrap"),
        *(Column(name, SEEN[name].capitalize(), "number") for name in LABELS),
    ]
    if differences:
        columns += [
            Column("whole", "All", "score"),
            Column("score", "Clean only", "score"),
            Column("difference", "All - clean", "signed"),
            Column("bar", "95 % interval", "interval"),
            Column("ends", ""),
        ]
    rows = []
    for found in looked_through:
        row = found.model_dump(exclude={"score"}) | {"corpus": corpus_name(found.corpus, found.own)}
        if found.score:
            ends = found.score.difference
            row |= {"whole": found.score.whole.value, "score": found.score.clean.value, "difference": ends.value}
            row |= {"bar": interval(ends.value, ends.low, ends.high, (-reach, reach), 0.0)}
            row |= {"ends": f"{ends.low:+.3f} to {ends.high:+.3f}"}
        rows.append(row)
    about = (
        "Items by label, and the score on clean items alone. A difference above 0 means that seen items are answered "
        "better, from memory or because they are easier."
    )
    with card("Seen in training?", about):
        table(columns, rows).classes("board")


def answer_card(answer: graded.Graded) -> None:
    """A card with everything known about one answer."""
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
            if answer.examined:
                seen_badge(seen_in(answer.examined))
        evidence(answer.examined)
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
    ui.label("Options with their log-probabilities in nats").classes("quoted-about")
    best = max(options, key=lambda option: option.log_probability or float("-inf"))
    with ui.element("div").classes("options"):
        for place, option in enumerate(options):
            strong = " option-best" if option is best else ""
            ui.label(str(place + 1)).classes("muted")
            ui.label(option.text.strip()).classes(f"option-text{strong}").props('lang=""')
            nats = option.log_probability
            ui.label("–" if nats is None else f"{nats:.3f}").classes(strong.strip())
