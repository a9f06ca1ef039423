"""Whether an item was seen in training: its label, and where corpora contain it."""

from collections.abc import Sequence

from nicegui import ui

from gristmill.dashboards.links import record_url
from gristmill.dashboards.wording import count
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.contamination import Examined, Seen

SEEN: dict[Seen, str] = {
    "clean": "clean",
    "input": "input seen",
    "answer": "input and answer seen",
    "short": "too short to tell",
    "unexamined": "not examined",
}
TONES: dict[Seen, str] = {"input": "warn", "answer": "bad"}


def seen_badge(seen: Seen, samples: int | None = None) -> None:
    """A label in its colour, with how many answers have it."""
    number = "" if samples is None else f" {count(samples)}"
    ui.label(SEEN[seen] + number).classes(f"badge tone-{TONES.get(seen, 'plain')}")


def seen_in(examined: Sequence[Examined]) -> Seen:
    """The worst label that any corpus gave the item; the worst comes first."""
    return examined[0].label if examined else "unexamined"


def evidence(examined: Sequence[Examined]) -> None:
    """A line for each corpus that contains the item, with the closest match; one line for the others."""
    for found in examined:
        if found.doc_id is None:
            continue
        with ui.element("div").classes("evidence muted"):
            documents = "1 document" if found.documents == 1 else f"{count(found.documents)} documents, closest match"
            ui.label(f"{SEEN[found.label]} in {_name(found)}: {documents}")
            if found.url:
                ui.link(found.url, record_url(found.doc_id, "")).classes("ellipsis")
            else:
                ui.label(found.doc_id).classes("ellipsis")
            ui.label(_how(found))
    rest = [found for found in examined if found.doc_id is None]
    parts = [
        f"{SEEN[label]} in {', '.join(_name(found) for found in rest if found.label == label)}"
        for label in dict.fromkeys(found.label for found in rest)
    ]
    if passages := [_name(found) for found in examined if found.passage]:
        parts.append(f"its passage appears in {', '.join(passages)}")
    if parts:
        ui.label("; ".join(parts)).classes("evidence muted")


def corpus_name(corpus: str, own: bool) -> str:
    """The readable name of a corpus; ``own`` is what the checkpoint of that name was trained on."""
    return f"the training data of {corpus}" if own else corpus


def contamination_command(suite: str, checkpoint: str, trained_here: bool) -> str:
    """The command that labels the items of a suite, against the checkpoint's training data if that is known."""
    corpus = "" if trained_here else " --corpus SOURCE"
    return f"gristmill contamination --suite {suite}{corpus} --checkpoint {checkpoint[:12]}"


def not_examined(warehouse: Warehouse, suite: str, checkpoint: str, trained_here: bool) -> None:
    """A line with the command that examines the items."""
    with ui.element("div").classes("answer-head unexamined"):
        ui.label("These items have not been checked against training data.").classes("muted")
        command = warehouse.command(contamination_command(suite, checkpoint, trained_here))
        ui.label(command).classes("empty-command")


def _name(found: Examined) -> str:
    return corpus_name(found.corpus, found.checkpoint is not None)


def _how(found: Examined) -> str:
    parts = [
        f"characters {count(found.start)}–{count(found.end)}" if found.start is not None and found.end else "",
        f"{100 * found.similarity:.0f} % of the wording" if found.similarity is not None else "",
        f"{100 * found.answer:.0f} % of the answer" if found.answer else "",
    ]
    return ", ".join(part for part in parts if part)
