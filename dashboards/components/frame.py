"""The frame around every page: navigation bar, theme and footer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fastapi import Request
from nicegui import ui

from gristmill.dashboards.accounts.access import LOGOUT, SESSION
from gristmill.dashboards.accounts.sessions import Session

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


def _signed_in(session: Session) -> None:
    """Who has signed in, and the way out."""
    ui.add_head_html('<script src="/static/session.js" defer></script>')
    role = session.person.role.value
    ui.label(session.person.name).classes("who ellipsis").props(f'dir="auto" title="{role}"')
    out = ui.element("form").props(f'method="post" action="{LOGOUT}"')
    with out, ui.element("button").classes("nav-link").props('type="submit"'):
        ui.label("Sign out")


@contextmanager
def frame(request: Request, navigation: Sequence[tuple[str, str]], active: str, version: str | None) -> Iterator[None]:
    """A page under the navigation bar, whose entries are (title, path); ``active`` is the title of the current one.

    The footer shows ``version``, the version of the warehouse.
    """
    dark = is_dark(request)
    ui.dark_mode(value=dark)
    ui.colors(primary="#2dd4bf" if dark else "#0f766e")
    ui.add_head_html('<link rel="stylesheet" href="/static/style.css">')
    with ui.element("header").classes("bar"):
        with ui.element("a").props('href="/" aria-label="Gristmill"').classes("brand"):
            ui.element("img").props('src="/static/favicon.svg" alt=""')
            ui.label("Gristmill")
        with ui.element("nav").props('aria-label="Pages"'):
            for name, path in navigation:
                link = ui.link(name, path).classes("nav-link")
                if name == active:
                    link.classes("active").props('aria-current="page"')
        with ui.element("div").classes("bar-end"):
            ui.link("API", "/docs").classes("nav-link")
            session = request.scope.get(SESSION)
            if isinstance(session, Session):
                _signed_in(session)
            button = ui.button(icon="light_mode" if dark else "dark_mode").props(
                'flat round dense size=sm aria-label="Switch between light and dark"'
            )
            button.on("click", js_handler=TOGGLE_THEME)
    with ui.element("div").classes("page"):
        yield
    with ui.element("footer").classes("foot"):
        ui.label(f"warehouse {version}" if version else "nothing published yet")
