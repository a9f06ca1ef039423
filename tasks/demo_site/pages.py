"""The demo site: a mapping from paths to answers, each rendered when it is requested."""

import hashlib
import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from gristmill.tasks.demo_site import boilerplate, sources
from gristmill.tasks.demo_site.answers import Render, SiteResponse, html, not_found, odd_pages, robots
from gristmill.tasks.demo_site.boilerplate import Layout, Link
from gristmill.tasks.demo_site.catalogue import PER_INDEX, SiteConfig, SitePage, build_catalogue
from gristmill.tasks.demo_site.planted.plant import blocks_by_path, spread

#: Raised whenever the same sources give other pages, so that a finished crawl of older pages is not taken for this one.
EDITION = 3

#: Sections whose pages hold the planted values: prose, as people write comments under it.
PROSE = ("library", "docs", "projects")

SECTION_TITLES = {
    "library": "The Python standard library",
    "source": "Source code",
    "docs": "Documentation of packages",
    "math": "Mathematics",
    "projects": "Projects",
    "licenses": "Licences",
    "languages": "Other languages",
    "archive": "Older versions",
    "mirror": "Mirrors",
    "tags": "Tags",
    "status": "Site status",
}


class Site(Mapping[str, Callable[[], SiteResponse]]):
    """Every address of the site with what answers there. Building it lists files; requesting a page reads them.

    ``digest`` names the content: it changes with the installed packages, the config and the edition of this code.
    """

    def __init__(self, config: SiteConfig) -> None:
        projects = sources.projects()
        catalogue = build_catalogue(config, projects)
        self._sections = catalogue.sections
        prose = [page.path for name in PROSE for page in catalogue.sections[name]]
        self._planted = blocks_by_path(prose)
        self._paths = {name: [page.path for page in pages] for name, pages in catalogue.sections.items()}
        answers: dict[str, Render] = {}
        listing = {name: [Link(page.title, page.path) for page in pages] for name, pages in self._sections.items()}
        for page in [*(page for pages in self._sections.values() for page in pages), *catalogue.print_versions]:
            answers[page.path] = partial(self._page, page)
        for path, page in catalogue.mirrors.items():
            answers[path] = partial(self._page, page)
        for word, pages in catalogue.tags.items():
            links = [Link(page.title, page.path) for page in pages]
            answers[f"/tags/{word}"] = partial(_index, f"Pages tagged {word}", "tags", links, ())
        odd = odd_pages(projects)
        answers.update(odd)
        listing["tags"] = [Link(word, f"/tags/{word}") for word in catalogue.tags]
        listing["mirror"] = [Link(f"Mirror of {page.title}", path) for path, page in catalogue.mirrors.items()]
        listing["status"] = [
            Link(path.rpartition("/")[2], path) for path in (*odd, "/status/missing", "/private/notes")
        ]
        for section, title in SECTION_TITLES.items():
            answers.update(_indexes(section, title, listing[section]))
        answers["/"] = partial(_home, {section: len(listing[section]) for section in SECTION_TITLES})
        self._answers = dict(sorted(answers.items()))
        self.digest = _digest(config, projects, self._answers)

    def __getitem__(self, path: str) -> Render:
        return self._answers[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._answers)

    def __len__(self) -> int:
        return len(self._answers)

    def answer(self, path: str) -> SiteResponse:
        """What the server sends for ``path`` (with its query): the page, ``robots.txt``, or the 404 page."""
        if path == "/robots.txt":
            return robots()
        made = self._answers.get(path)
        return made() if made else not_found(path)

    def _page(self, page: SitePage) -> SiteResponse:
        blocks = [sources.scrub(block) for block in page.blocks()]
        blocks = spread(blocks, self._planted.get(_original(page), ()))
        if page.printed:
            return html(boilerplate.print_page(Layout(page.title, language=page.language), blocks))
        siblings = self._sections[page.section]
        place = bisect_left(self._paths[page.section], page.path)
        start = place - place % 20
        crumbs = [Link("Home", "/"), Link(SECTION_TITLES[page.section], f"/{page.section}/")]
        layout = Layout(
            page.title,
            crumbs=[*crumbs, Link(page.group, f"/{page.section}/")] if page.group else crumbs,
            sidebar=[Link(other.title, other.path) for other in siblings[start : start + 10]],
            related=[Link(other.title, other.path) for other in siblings[place + 1 : place + 6]],
            versions=page.versions,
            notice=page.notice,
            language=page.language,
        )
        return html(boilerplate.full_page(layout, blocks))


def _original(page: SitePage) -> str:
    """The path of the page that this one is the print version of, or its own."""
    return re.sub(r"[?&]print=1$", "", page.path) if page.printed else page.path


def _indexes(section: str, title: str, links: list[Link]) -> dict[str, Render]:
    """The pages of a section's index, ``PER_INDEX`` links each, with a pager."""
    count = max(1, -(-len(links) // PER_INDEX))
    paths = [f"/{section}/", *(f"/{section}/?page={number}" for number in range(2, count + 1))]
    pager = tuple(Link(f"Page {number}", path) for number, path in enumerate(paths, 1)) if count > 1 else ()
    return {
        path: partial(_index, title, section, links[number * PER_INDEX : (number + 1) * PER_INDEX], pager)
        for number, path in enumerate(paths)
    }


def _index(title: str, section: str, links: list[Link], pager: tuple[Link, ...]) -> SiteResponse:
    layout = Layout(title, crumbs=(Link("Home", "/"), Link(SECTION_TITLES[section], f"/{section}/")))
    return html(boilerplate.full_page(layout, [boilerplate.links(links, "index"), boilerplate.links(pager, "pager")]))


def _home(counts: dict[str, int]) -> SiteResponse:
    rows = [Link(f"{SECTION_TITLES[name]} ({count})", f"/{name}/") for name, count in counts.items()]
    text = "<p>Documentation, source code, mathematics and projects that are installed here.</p>"
    return html(boilerplate.full_page(Layout(boilerplate.SITE_NAME), [text, boilerplate.links(rows, "index")]))


def _digest(config: SiteConfig, projects: tuple[sources.Project, ...], paths: Mapping[str, Render]) -> str:
    lines = [str(EDITION), sys.version, config.model_dump_json(), *paths]
    lines += [f"{project.name}=={project.version}" for project in projects]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
