"""Which addresses the site has, and what stands at each: decided from listings before any page is made.

Every section gets a share of the pages; files are drawn with the seed, whole, until the share is full, and a section
that has too little text leaves its share to the others. The cost is the listing of packages and one quick
look at each file drawn, of which one in four is parsed (two or three seconds); pages are made when they are asked for.
"""

import random
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pydantic import Field

from gristmill.core.config import Config
from gristmill.tasks.demo_site import sources
from gristmill.tasks.demo_site.boilerplate import Link
from gristmill.tasks.demo_site.docstrings import documentation_blocks
from gristmill.tasks.demo_site.highlight import source_blocks
from gristmill.tasks.demo_site.markup import markdown_blocks, plain_blocks, rst_blocks

#: Bytes of source text behind one page; what is longer continues on ``?page=2``.
PART = 16_000
#: Links on one page of an index.
PER_INDEX = 100

#: Shares of the pages, by section. The rest are indexes, tags and odd pages.
SHARES = {
    "library": 0.13,
    "docs": 0.19,
    "math": 0.20,
    "source": 0.16,
    "projects": 0.08,
    "licenses": 0.07,
    "languages": 0.01,
}
COPIES = {"print": 0.05, "archive": 0.05, "mirror": 0.02, "tags": 0.02}
#: Who takes the share that a section could not fill, in this order.
HEIRS = ("docs", "source", "library", "math")

#: Always on the site: real text with public IP addresses, for the redaction to find.
PINNED = ("/projects/psutil/readme", "/library/socket")

Blocks = Callable[[], list[str]]


class SiteConfig(Config):
    """How large the site is and which of the possible pages it draws."""

    pages: int = Field(default=3000, ge=60, le=20_000, description="about how many pages the site has")
    seed: int = Field(default=0, description="which files are drawn")


@dataclass(frozen=True)
class SitePage:
    """One page of text: its own address, section and title, how to make its blocks, and the variant it is."""

    path: str
    section: str
    title: str
    blocks: Blocks
    group: str = ""
    language: str = "en"
    notice: str = ""
    printed: bool = False
    versions: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Offer:
    """A file or text that could be on the site: the path it would have, and its pages (none, if it has no text)."""

    path: str
    pages: Callable[[], list[SitePage]]


@dataclass(frozen=True)
class Catalogue:
    """The pages of each section in the order of their paths, and other addresses that lead to the same pages."""

    sections: dict[str, list[SitePage]]
    print_versions: list[SitePage]
    mirrors: dict[str, SitePage]
    tags: dict[str, list[SitePage]]


def build_catalogue(config: SiteConfig, projects: Sequence[sources.Project]) -> Catalogue:
    """Draw the pages. Deterministic for the same installed packages and config."""
    rng = random.Random(config.seed)  # noqa: S311  # a draw of pages, not a secret
    files = sources.standard_library()
    offers = {
        "library": _library(files),
        "docs": [offer for name in sources.DOCUMENTED for offer in _package("docs", name)],
        "math": [offer for name in sources.MATHEMATICS for offer in _package("math", name)],
        "source": [_source(file) for file in files if 1_500 <= file.size <= 3 * PART],
        "projects": [_readme(project) for project in projects if len(project.readme) >= 200],
        "licenses": [offer for project in projects for offer in _licences(project)],
        "languages": [_translation(*item) for item in sources.translations().items()],
    }
    quota = {section: round(config.pages * share) for section, share in SHARES.items()}
    chosen: dict[str, list[SitePage]] = {}
    for section, possible in offers.items():
        rng.shuffle(possible)
        possible.sort(key=lambda offer: offer.path not in PINNED)
        chosen[section], offers[section] = _draw(possible, quota[section])
    short = sum(quota.values()) - sum(map(len, chosen.values()))
    for section in HEIRS:
        more, offers[section] = _draw(offers[section], short)
        chosen[section] += more
        short -= len(more)

    archive = [_older(page) for page in _sample(rng, chosen["docs"], config, "archive")]
    printable = _sample(rng, chosen["library"] + chosen["math"] + chosen["projects"], config, "print")
    prints = [replace(page, path=_with_query(page.path, "print=1"), printed=True) for page in printable]
    versions = {page.path.replace("/v1/", "/latest/"): (Link("v1", page.path),) for page in archive}
    for original, printed in zip(printable, prints, strict=True):
        versions[original.path] = (*versions.get(original.path, ()), Link("Print version", printed.path))
    sections = {
        name: sorted(
            (replace(page, versions=versions.get(page.path, ())) for page in pages), key=lambda page: page.path
        )
        for name, pages in chosen.items()
    }
    sections["archive"] = sorted(archive, key=lambda page: page.path)
    mirrored = _sample(rng, sections["licenses"] + sections["library"], config, "mirror")
    mirrors = {"/mirror" + page.path: page for page in sorted(mirrored, key=lambda page: page.path)}
    return Catalogue(sections, prints, mirrors, _tags(sections, round(config.pages * COPIES["tags"])))


def _draw(offers: Sequence[Offer], count: int) -> tuple[list[SitePage], list[Offer]]:
    """Whole offers (all parts of one file) in order while they fit into ``count`` pages; and the offers left."""
    taken: list[SitePage] = []
    left: list[Offer] = []
    for place, offer in enumerate(offers):
        if len(taken) >= count:
            return taken, [*left, *offers[place:]]
        pages = offer.pages()
        if len(taken) + len(pages) <= count:
            taken += pages
        else:
            left.append(offer)
    return taken, left


def _sample(rng: random.Random, pages: Sequence[SitePage], config: SiteConfig, kind: str) -> list[SitePage]:
    return rng.sample(list(pages), min(len(pages), round(config.pages * COPIES[kind])))


def _with_query(path: str, query: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}{query}"


def _parts(page: SitePage, makers: Iterable[Blocks]) -> list[SitePage]:
    """A page for each maker: the first at the path, the others at ``?page=2`` and on."""
    blocks = list(makers)
    if not blocks:
        return []
    paths = [page.path, *(_with_query(page.path, f"page={number}") for number in range(2, len(blocks) + 1))]
    titles = [page.title, *(f"{page.title} ({number} of {len(blocks)})" for number in range(2, len(blocks) + 1))]
    return [
        replace(page, path=path, title=title, blocks=maker)
        for path, title, maker in zip(paths, titles, blocks, strict=True)
    ]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-")


def _library(files: list[sources.SourceFile]) -> list[Offer]:
    offers = [
        _documented(SitePage(f"/library/{file.module}", "library", file.module, list, "modules"), file, 400)
        for file in files
    ]
    for name, text in sources.topics().items():
        page = SitePage(
            f"/library/reference/{_slug(name)}", "library", f"{name} (language reference)", list, "reference"
        )
        offers.append(_text(page, rst_blocks, text))
    return offers


def _package(section: str, name: str) -> list[Offer]:
    folder = f"/{section}/{name}/latest" if section == "docs" else f"/{section}/{name}"
    return [
        _documented(SitePage(f"{folder}/{file.module}", section, file.module, list, name), file, 1_500)
        for file in sources.package_files(name)
    ]


def _documented(page: SitePage, file: sources.SourceFile, least: int) -> Offer:
    def pages() -> list[SitePage]:
        parts = sources.documented_parts(file, PART, least)
        return _parts(page, [partial(documentation_blocks, file.path, part, PART) for part in parts])

    return Offer(page.path, pages)


def _text(page: SitePage, reader: Callable[[str], list[str]], text: str) -> Offer:
    return Offer(page.path, lambda: _parts(page, [partial(reader, piece) for piece in _pieces(text)]))


def _source(file: sources.SourceFile) -> Offer:
    name = file.module.replace(".", "/") + ("/__init__.py" if file.path.stem == "__init__" else ".py")
    page = SitePage(f"/source/{name}", "source", name, list, "Python")
    makers = [partial(source_blocks, file.path, part, PART) for part in range(-(-file.size // PART))]
    return Offer(page.path, partial(_parts, page, makers))


def _readme(project: sources.Project) -> Offer:
    markdown = project.content_type == "text/markdown" or re.search(r"^#{1,3} \w", project.readme, re.M)
    reader = markdown_blocks if markdown and project.content_type != "text/x-rst" else rst_blocks
    page = SitePage(
        f"/projects/{project.name}/readme", "projects", f"{project.name} {project.version}", list, "Projects"
    )
    return _text(page, reader, project.readme)


def _licences(project: sources.Project) -> list[Offer]:
    return [
        _text(
            SitePage(
                f"/licenses/{project.name}/{_slug(file)}", "licenses", f"{project.name}: {file}", list, project.name
            ),
            plain_blocks,
            text,
        )
        for file, text in project.licences
    ]


def _translation(language: str, messages: list[str]) -> Offer:
    page = SitePage(f"/languages/{language.lower()}", "languages", language, list, language=language)
    return _text(page, plain_blocks, "\n\n".join(messages))


def _pieces(text: str) -> list[str]:
    """``text`` in pieces of at most about ``PART`` characters, cut at blank lines, or at any line of a long list."""
    pieces = [""]
    for paragraph in re.split(r"(?<=\n)\n+", text.replace("\r\n", "\n")):
        units = [paragraph + "\n"] if len(paragraph) <= PART else paragraph.splitlines(keepends=True)
        for unit in units:
            if pieces[-1] and len(pieces[-1]) + len(unit) > PART:
                pieces.append("")
            pieces[-1] += unit
    return pieces


def _older(page: SitePage) -> SitePage:
    """The first version of a documentation page: what is there today without about one block in twelve."""
    return replace(
        page,
        path=page.path.replace("/latest/", "/v1/"),
        section="archive",
        blocks=partial(_without_some, page.blocks),
        notice="You are reading the documentation of an older version.",
        versions=(Link("latest", page.path),),
    )


def _without_some(blocks: Blocks) -> list[str]:
    return [block for block in blocks() if zlib.crc32(block.encode()) % 12]


def _tags(sections: dict[str, list[SitePage]], count: int) -> dict[str, list[SitePage]]:
    """The ``count`` words that most module names share, each with the pages that have it."""
    by_word: dict[str, list[SitePage]] = {}
    for page in (page for name in ("library", "docs", "math", "source") for page in sections[name]):
        for word in sorted(set(re.findall(r"[a-z]{3,}", page.title.lower()))):
            by_word.setdefault(word, []).append(page)
    common = Counter({word: len(pages) for word, pages in by_word.items() if len(pages) >= 3})
    best = sorted(common, key=lambda word: (-common[word], word))[:count]
    return {word: by_word[word][:PER_INDEX] for word in sorted(best)}
