"""What the server answers, and the pages that are broken on purpose.

Each odd page is one fault that real crawls meet: a status that is not 200, no body, a body cut off, a charset that
lies, bytes that are not text, a redirect, a placeholder. Where they need words, the words are real text of the machine.
"""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from gristmill.tasks.demo_site.boilerplate import Layout, Link, full_page
from gristmill.tasks.demo_site.sources import Project, scrub

HTML = "text/html; charset=utf-8"
#: The longest text that an odd page borrows, in characters.
EXCERPT = 12_000

PLACEHOLDER = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore "
    "magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo "
    "consequat. Duis aute irure dolor in reprehenderit in voluptate velit esse cillum dolore eu fugiat nulla pariatur. "
    "Excepteur sint occaecat cupidatat non proident, sunt in culpa qui officia deserunt mollit anim id est laborum."
)


@dataclass(frozen=True)
class SiteResponse:
    """An HTTP response. ``cut`` is how many bytes of ``body`` are really sent; the declared length is of all."""

    body: bytes
    status: int = 200
    content_type: str | None = HTML
    headers: tuple[tuple[str, str], ...] = ()
    chunked: bool = False
    cut: int | None = None


Render = Callable[[], SiteResponse]


def html(page: str, status: int = 200) -> SiteResponse:
    """An ordinary page in UTF-8."""
    return SiteResponse(page.encode("utf-8"), status)


def not_found(path: str) -> SiteResponse:
    """The 404 page; it names no part of ``path``, which comes from outside."""
    layout = Layout("Page not found", crumbs=(Link("Home", "/"),))
    return html(full_page(layout, [f"<p>There is no page at this address ({len(path)} characters).</p>"]), 404)


def robots() -> SiteResponse:
    """What crawlers may read: everything but ``/private/`` and the search form."""
    return SiteResponse(
        b"User-agent: *\nDisallow: /private/\nDisallow: /search\n", content_type="text/plain; charset=utf-8"
    )


def odd_pages(projects: tuple[Project, ...]) -> dict[str, Render]:
    """The faulty pages by path. Texts are licences of ``projects`` that have the characters the fault needs."""
    texts = [scrub(text)[:EXCERPT] for project in projects for _, text in project.licences]
    plain = next((text for text in texts if len(text) > 2_000), "No licence text is installed here.")
    latin = next((text for text in texts if _only_in(text, "latin-1")), "Café Zoë, déjà vu: naïve façade.")
    windows = next(
        (text for text in texts if _only_in(text, "cp1252") and not _fits(text, "latin-1")), "“Quoted” – dash…"
    )

    def page(name: str, text: str, charset: str | None = "utf-8") -> str:
        layout = Layout(name, crumbs=(Link("Home", "/"), Link("Status", "/status/")))
        return full_page(layout, [f"<p>{part}</p>" for part in _paragraphs(text)], charset)

    whole = page("Cut page", plain).encode()
    return {
        "/status/error": lambda: html(page("Internal error", "The server could not complete this request."), 500),
        "/status/empty": lambda: SiteResponse(b""),
        "/status/cut": lambda: SiteResponse(whole[: whole.index(b"<article>") + 1500]),
        "/status/disconnect": lambda: SiteResponse(whole, cut=len(whole) // 2),
        "/status/wrong-charset": lambda: SiteResponse(page("Accents", latin).encode("latin-1", "xmlcharrefreplace")),
        "/status/no-charset": lambda: SiteResponse(
            page("Quotation marks", windows, None).encode("cp1252", "xmlcharrefreplace"), content_type="text/html"
        ),
        "/status/binary": lambda: SiteResponse(zlib.compress(plain.encode(), 9)),
        "/status/moved": lambda: SiteResponse(b"", 301, headers=(("Location", "/library/"),)),
        "/status/gzip": lambda: SiteResponse(
            gzip.compress(page("Compressed page", plain).encode(), mtime=0), headers=(("Content-Encoding", "gzip"),)
        ),
        "/status/chunked": lambda: SiteResponse(page("Page in chunks", plain).encode(), chunked=True),
        "/status/placeholder": lambda: html(page("Coming soon", PLACEHOLDER)),
        "/status/short": lambda: html(page("Moved", "This page has moved.")),
        "/status/plain": lambda: SiteResponse(plain.encode(), content_type="text/plain; charset=utf-8"),
    }


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _only_in(text: str, encoding: str) -> bool:
    return not text.isascii() and _fits(text, encoding)


def _paragraphs(text: str) -> list[str]:
    return [part.replace("&", "&amp;").replace("<", "&lt;") for part in text.split("\n\n") if part.strip()]
