"""The frame of every page: navigation, theme, and the small pieces that pages are put together from.

Everything drawn here is a text node; nothing is ever given to the browser as HTML or Markdown.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from fastapi import Request
from nicegui import ui

from gristmill.core.config import did_you_mean

NAVIGATION = (
    ("Overview", "/"),
    ("Funnel", "/funnel"),
    ("Documents", "/documents"),
    ("Checkpoints", "/checkpoints"),
    ("Leaderboard", "/leaderboard"),
    ("Compare", "/compare"),
    ("Items", "/items"),
    ("Trajectory", "/trajectory"),
    ("Speed", "/speed"),
    ("Gates", "/gates"),
    ("Submit", "/submit"),
)
TONES = {
    "kept": "good",
    "succeeded": "good",
    "passed": "good",
    "pass": "good",
    "right": "good",
    "better": "good",
    "wrong": "bad",
    "worse": "bad",
    "exception": "bad",
    "timeout": "bad",
    "memory": "bad",
    "output_limit": "bad",
    "denied": "bad",
    "protocol": "bad",
    "infra": "warn",
    "running": "busy",
    "queued": "busy",
    "warned": "warn",
    "warning": "warn",
    "duplicate": "warn",
    "set_aside": "warn",
    "damage": "bad",
    "not_read": "bad",
    "undecided": "bad",
    "rejected": "bad",
    "failed": "bad",
    "stopped": "bad",
    "stopped_by_gate": "bad",
    "critical": "bad",
}
MOST_NAME = 100
MOST_HINT = 300
"""Characters of an unknown name, and of the list of known ones, that a message shows."""
TOGGLE_THEME = """
() => {
  const theme = document.body.classList.contains('body--dark') ? 'light' : 'dark';
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  location.reload();
}
"""


def is_dark(request: Request) -> bool:
    """The theme the reader chose; light at first."""
    return request.cookies.get("theme") == "dark"


def tone(word: str) -> str:
    """The colour a status is shown in."""
    return TONES.get(word, "plain")


def words(code: str) -> str:
    """``stopped_by_gate`` as ``stopped by gate``."""
    return code.replace("_", " ")


@contextmanager
def frame(active: str, request: Request, version: str | None) -> Iterator[None]:
    """A page under the navigation bar. ``version`` of the warehouse stands at the foot."""
    dark = is_dark(request)
    ui.dark_mode(value=dark)
    ui.colors(primary="#2dd4bf" if dark else "#0f766e")
    ui.add_head_html('<link rel="stylesheet" href="/static/style.css">')
    with ui.element("header").classes("bar"):
        with ui.element("a").props('href="/" aria-label="Gristmill"').classes("brand"):
            ui.element("img").props('src="/static/favicon.svg" alt=""')
            ui.label("Gristmill")
        with ui.element("nav").props('aria-label="Pages"'):
            for name, path in NAVIGATION:
                link = ui.link(name, path).classes("nav-link")
                if name == active:
                    link.classes("active").props('aria-current="page"')
        with ui.element("div").classes("bar-end"):
            ui.link("API", "/docs").classes("nav-link")
            button = ui.button(icon="light_mode" if dark else "dark_mode").props(
                'flat round dense size=sm aria-label="Switch between light and dark"'
            )
            button.on("click", js_handler=TOGGLE_THEME)
    with ui.element("div").classes("page"):
        yield
    with ui.element("footer").classes("foot"):
        ui.label(f"warehouse {version}" if version else "nothing published yet")


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
    """A number that matters, in the colour of a ``tone`` where it is not as it should be."""
    with ui.element("div").classes("tile"):
        ui.label(label).classes("tile-label")
        ui.label(value).classes(f"tile-value text-{tone}" if tone else "tile-value")
        ui.label(note).classes("tile-note")


def badge(word: str) -> None:
    """A status in its colour."""
    ui.label(words(word)).classes(f"badge tone-{tone(word)}")


def empty(what: str, *commands: str) -> None:
    """What a page says when there is nothing to show: what is missing and the commands that make it."""
    with ui.element("div").classes("empty"):
        ui.icon("inbox").classes("empty-icon")
        ui.label(what).classes("empty-what")
        for command in commands:
            ui.label(command).classes("empty-command")


def explained(what: str, *links: tuple[str, str]) -> None:
    """What a page says when its address asks for something that is not there: why, and links (label, address) back."""
    with ui.element("div").classes("empty"):
        ui.icon("help_outline").classes("empty-icon")
        ui.label(what).classes("empty-what")
        for label, url in links:
            ui.link(label, url)


def no_such(what: str, name: str, known: Sequence[str]) -> str:
    """A sentence for a name that an address has and the lake has not, with the nearest name or the few there are."""
    hint = did_you_mean(name, list(known))
    shown = name if len(name) <= MOST_NAME else f"{name[:MOST_NAME]}…"
    return f"There is no {what} “{shown}”{hint if len(hint) <= MOST_HINT else ''}."


@contextmanager
def folded(heading: str, *, opened: bool = False) -> Iterator[None]:
    """Something that is shown when its heading is clicked."""
    with ui.element("details").props("open" if opened else "").classes("folded"):
        with ui.element("summary"):
            ui.label(heading)
        yield


def quoted(text: str, about: str = "") -> None:
    """Text of a model or a benchmark, as it is, under a line that says what it is."""
    if about:
        ui.label(about).classes("quoted-about")
    ui.label(text).classes("quoted").props('lang=""')


def pager(first: int, shown: int, total: int, what: str, size: int, url: Callable[[int], str]) -> None:
    """Which of how many are shown, with links to the pages of ``size`` before and after: ``url`` is of an offset."""
    after = first + shown
    with ui.element("div").classes("pages"):
        ui.label(f"{count(first + 1)}–{count(after)} of {count(total)} {what}").classes("muted")
        if first:
            ui.link("Previous", url(max(0, first - size))).classes("quiet-link")
        if after < total:
            ui.link("Next", url(after)).classes("quiet-link")


def p_value(p: float) -> str:
    """A p-value with two digits, or what it is below of."""
    return f"p = {p:.2g}" if p >= 0.0001 else "p < 0.0001"


def count(number: int) -> str:
    """A count with thousands separators."""
    return f"{number:,}"


def share(part: int, whole: int) -> str:
    """A percentage with one decimal."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def seconds(value: float | None) -> str:
    """A duration as people say it."""
    if value is None:
        return "–"
    if value < 60:
        return f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
