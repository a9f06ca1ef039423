"""What surrounds the text on a page of a real site: navigation, breadcrumbs, side bar, notices, footer.

All of it is the same on every page but for the links, so an extractor has boilerplate to find and a deduplicator has
near-copies to catch (the print version of a page is the page without most of this).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

SITE_NAME = "The Installed Library"

NAVIGATION = (
    ("Home", "/"),
    ("Library", "/library/"),
    ("Source code", "/source/"),
    ("Documentation", "/docs/"),
    ("Mathematics", "/math/"),
    ("Projects", "/projects/"),
    ("Licences", "/licenses/"),
    ("Tags", "/tags/"),
)

COOKIE_NOTICE = (
    "We use cookies to remember your preferences and to understand how this site is used. "
    "By continuing to browse you accept our use of cookies. You can change your choice at any time."
)

FOOTER = (
    '<footer class="site-footer"><p>Copyright &copy; the authors of the packages shown. All rights reserved where '
    "their licences reserve them.</p><ul>"
    '<li><a href="/licenses/">Licences</a></li><li><a href="/mirror/">Mirrors</a></li>'
    '<li><a href="/archive/">Older versions</a></li><li><a href="/languages/">Other languages</a></li>'
    '<li><a href="/status/">Site status</a></li></ul><p><a href="#top">Back to top</a></p></footer>'
)


@dataclass(frozen=True)
class Link:
    """A title and the address it leads to."""

    title: str
    path: str


@dataclass(frozen=True)
class Layout:
    """Everything of a page but its text."""

    title: str
    crumbs: Sequence[Link] = ()
    sidebar: Sequence[Link] = ()
    related: Sequence[Link] = ()
    versions: Sequence[Link] = ()
    notice: str = ""
    language: str = "en"


def links(items: Sequence[Link], css: str = "") -> str:
    """A list of links."""
    attribute = f' class="{css}"' if css else ""
    rows = "".join(f'<li><a href="{escape(item.path)}">{escape(item.title)}</a></li>\n' for item in items)
    return f"<ul{attribute}>\n{rows}</ul>"


def full_page(layout: Layout, blocks: Sequence[str], charset: str | None = "utf-8") -> str:
    """The page as a browser shows it, with every piece of boilerplate."""
    navigation = links([Link(*item) for item in NAVIGATION], "menu")
    crumbs = " &rsaquo; ".join(f'<a href="{escape(link.path)}">{escape(link.title)}</a>' for link in layout.crumbs)
    aside = f'<aside class="sidebar"><h3>In this section</h3>{links(layout.sidebar)}</aside>' if layout.sidebar else ""
    related = (
        f'<section class="related"><h3>Related pages</h3>{links(layout.related)}</section>' if layout.related else ""
    )
    versions = f'<div class="versions">Other versions: {links(layout.versions)}</div>' if layout.versions else ""
    notice = f'<div class="warning">{escape(layout.notice)}</div>' if layout.notice else ""
    return "\n".join(
        [
            _head(layout, charset),
            '<body id="top"><div class="cookie-banner" role="dialog"><p>',
            COOKIE_NOTICE,
            '</p><button type="button">Accept all</button> <button type="button">Settings</button></div>',
            f'<header class="site-header"><a class="logo" href="/">{SITE_NAME}</a>',
            '<form action="/search"><input name="q" placeholder="Search"><button>Search</button></form>',
            f'<nav aria-label="Main">{navigation}</nav></header>',
            "<noscript>Please enable JavaScript to use the search of this site.</noscript>",
            f'<div class="breadcrumbs">{crumbs}</div>' if crumbs else "",
            aside,
            f"<main><article><h1>{escape(layout.title)}</h1>",
            notice,
            versions,
            *blocks,
            "</article>",
            related,
            "</main>",
            FOOTER,
            "<script>document.documentElement.className += ' js';</script>",
            "</body></html>\n",
        ]
    )


def print_page(layout: Layout, blocks: Sequence[str]) -> str:
    """The print version: the text with one line of boilerplate."""
    body = [f"<body class='print'><h1>{escape(layout.title)}</h1>", *blocks, f"<p>Printed from {SITE_NAME}.</p>"]
    return "\n".join([_head(layout, "utf-8"), *body, "</body></html>\n"])


def _head(layout: Layout, charset: str | None) -> str:
    meta = f'<meta charset="{charset}">\n' if charset else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(layout.language)}"><head>\n{meta}'
        f"<title>{escape(layout.title)} - {SITE_NAME}</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<style>.sidebar{float:left;width:16em} .c{color:#777} .s{color:#272} .k{color:#025}</style>\n</head>"
    )
