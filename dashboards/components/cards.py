"""The parts that pages are built from: headings, cards, tiles, badges, and the message of an empty page.

Everything drawn here is a text node; nothing is ever given to the browser as HTML or Markdown.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from nicegui import ui

from gristmill.core.config import did_you_mean
from gristmill.dashboards.wording import count, tone, words

MOST_NAME = 100
MOST_HINT = 300
"""Characters of an unknown name, and of the list of known ones, that a message shows."""


def title(text: str, about: str) -> None:
    """The heading of a page with one sentence on what it shows."""
    ui.label(text).classes("page-title").props('role="heading" aria-level="1"')
    ui.label(about).classes("page-about")


@contextmanager
def card(heading: str = "", about: str = "", classes: str = "") -> Iterator[None]:
    """A box with a heading."""
    with ui.element("section").classes(f"card {classes}"):
        if heading:
            ui.label(heading).classes("card-title").props('role="heading" aria-level="2"')
        if about:
            ui.label(about).classes("card-about")
        yield


def tile(label: str, value: str, note: str = "", tone: str = "") -> None:
    """A key figure, in the colour of ``tone`` if something is wrong."""
    with ui.element("div").classes("tile"):
        ui.label(label).classes("tile-label")
        ui.label(value).classes(f"tile-value text-{tone}" if tone else "tile-value")
        ui.label(note).classes("tile-note")


def badge(word: str) -> None:
    """A status in its colour."""
    ui.label(words(word)).classes(f"badge tone-{tone(word)}")


def empty(what: str, *commands: str) -> None:
    """The message of a page with nothing to show: what is missing, and the commands that produce it."""
    with ui.element("div").classes("empty"):
        ui.icon("inbox").classes("empty-icon")
        ui.label(what).classes("empty-what")
        for command in commands:
            ui.label(command).classes("empty-command")


def explained(what: str, *links: tuple[str, str]) -> None:
    """The message of a page whose address asks for something that does not exist: why, and links (label, address)."""
    with ui.element("div").classes("empty"):
        ui.icon("help_outline").classes("empty-icon")
        ui.label(what).classes("empty-what")
        for label, url in links:
            ui.link(label, url)


def no_such(what: str, name: str, known: Sequence[str]) -> str:
    """A sentence for a name in an address that the lake does not have, with the nearest name or the few that exist."""
    hint = did_you_mean(name, list(known))
    shown = name if len(name) <= MOST_NAME else f"{name[:MOST_NAME]}…"
    return f"There is no {what} “{shown}”{hint if len(hint) <= MOST_HINT else ''}."


@contextmanager
def folded(heading: str, *, opened: bool = False) -> Iterator[None]:
    """Content that is shown when its heading is clicked."""
    with ui.element("details").props("open" if opened else "").classes("folded"):
        with ui.element("summary"):
            ui.label(heading)
        yield


def quoted(text: str, about: str = "") -> None:
    """Text from a model or a benchmark, unchanged, under a line that says what it is."""
    if about:
        ui.label(about).classes("quoted-about")
    ui.label(text).classes("quoted").props('lang=""')


def pager(first: int, shown: int, total: int, what: str, size: int, url: Callable[[int], str]) -> None:
    """The range shown and the total, with links to the previous and next ``size``; ``url`` maps offset to address."""
    after = first + shown
    with ui.element("div").classes("pages"):
        ui.label(f"{count(first + 1)}–{count(after)} of {count(total)} {what}").classes("muted")
        if first:
            ui.link("Previous", url(max(0, first - size))).classes("quiet-link")
        if after < total:
            ui.link("Next", url(after)).classes("quiet-link")
