"""A small crawl in gzip WARC, made up but deterministic: sentences, near-copies, e-mail addresses, errors, damage.

Everything is a function of the seed: the same call writes the same bytes. Files are independent of each other, so one
more file leaves the others as they are.
"""

import io
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from tests.helpers.cli import Ended

FETCHED = "2024-05-06T07:08:09Z"
SUBJECTS = [
    "the miller",
    "the farmer",
    "an old engineer",
    "our neighbour",
    "the captain",
    "a young teacher",
    "the baker",
    "the gardener",
    "my sister",
    "the council",
    "a travelling merchant",
    "the librarian",
    "the mechanic",
    "a quiet student",
    "the doctor",
    "the fisherman",
]
VERBS = [
    "repaired",
    "described",
    "measured",
    "carried",
    "painted",
    "forgot",
    "collected",
    "explained",
    "remembered",
    "studied",
    "ordered",
    "opened",
    "built",
    "lost",
    "praised",
    "compared",
    "followed",
    "discovered",
    "cleaned",
    "examined",
]
OBJECTS = [
    "the water wheel",
    "a heavy sack of grain",
    "the northern bridge",
    "every window of the house",
    "a map of the valley",
    "the broken clock",
    "several wooden boats",
    "an unusual kind of apple",
    "the letters of the winter",
    "a long stone wall",
    "the machine in the cellar",
    "two copper kettles",
    "the history of the town",
    "a narrow path",
    "the garden behind the mill",
    "the harvest of that year",
    "an iron gate",
    "the price of flour",
    "a bundle of dry reeds",
    "the songs of the harbour",
]
CIRCUMSTANCES = [
    "before the rain came",
    "with the help of a friend",
    "because nobody else would",
    "in the early morning",
    "after the market",
    "that they had known for years",
    "to the surprise of everyone",
    "while the river was low",
    "and wrote it down",
    "although it was late",
    "as the law of the district required",
    "with great care",
    "and told the story to the children",
    "when the snow had melted",
    "without any hurry",
    "on the road to the coast",
]


@dataclass(frozen=True)
class Crawled:
    """What was written: the folder, its files, and the response records a reader finds whole."""

    folder: Path
    files: tuple[Path, ...]
    records: int


def crawl(folder: Path, *, files: int = 6, pages: int = 30, seed: int = 0) -> Crawled:
    """Write ``files`` WARC files of ``pages`` pages each; the last file is cut off inside its last record.

    In every file page 0 is an error page, page 1 is an image, page 2 carries an e-mail address, and every seventh
    page is a near-copy of one that each file has.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [
        write_file(folder / f"part-{number:02d}.warc.gz", number, pages, seed=seed, cut=number == files - 1)
        for number in range(files)
    ]
    return Crawled(folder, tuple(written), files * pages)


def write_file(path: Path, number: int, pages: int, *, seed: int = 0, cut: bool = False, date: str = FETCHED) -> Path:
    """One file of the crawl. ``cut`` leaves the last 100 bytes out, ``date`` is when its pages were fetched."""
    stream = io.BytesIO()
    writer = WARCWriter(stream, gzip=True)
    for page in range(pages):
        url = f"http://mill-{number % 3}.example/{number}/{page}"
        status, kind, body = content(number, page, seed)
        record = writer.create_warc_record(
            url,
            "response",
            payload=io.BytesIO(body),
            http_headers=StatusAndHeaders(status, [("Content-Type", kind)], protocol="HTTP/1.1"),
            warc_headers_dict={
                "WARC-Date": date,
                "WARC-Record-ID": f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{seed} {url}')}>",
            },
        )
        writer.write_record(record)
    data = stream.getvalue()
    path.write_bytes(data[:-100] if cut else data)
    return path


def content(number: int, page: int, seed: int) -> tuple[str, str, bytes]:
    """Status, content type and body of one page."""
    if page == 0:
        return "404 Not Found", "text/html", html("Not found", ["There is nothing here."])
    if page == 1:
        return "200 OK", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    if page % 7 == 0:
        paragraphs = prose(random.Random(f"{seed} copy {page}"), 12)
        paragraphs[-1] += f" This is edition number {number} of the page."
        return "200 OK", "text/html; charset=utf-8", html(f"Copied page {page}", paragraphs)
    random_page = random.Random(f"{seed} {number} {page}")
    paragraphs = prose(random_page, 3 + random_page.randrange(12))
    if page == 2:
        paragraphs[0] += f" Whoever knows more may write to keeper.{number}@mill-museum.org about it."
    return "200 OK", "text/html; charset=utf-8", html(f"Page {number}-{page}", paragraphs)


def prose(source: random.Random, paragraphs: int) -> list[str]:
    """Paragraphs of four sentences each."""
    made = []
    for _ in range(paragraphs):
        sentences = [
            f"{source.choice(SUBJECTS)} {source.choice(VERBS)} {source.choice(OBJECTS)} {source.choice(CIRCUMSTANCES)}"
            f", and {source.choice(SUBJECTS)} {source.choice(VERBS)} {source.choice(OBJECTS)}."
            for _ in range(4)
        ]
        made.append(" ".join(sentence[0].upper() + sentence[1:] for sentence in sentences))
    return made


def html(title: str, paragraphs: list[str]) -> bytes:
    """A page with navigation, a main part and a footer."""
    body = "".join(f"<p>{paragraph}</p>\n" for paragraph in paragraphs)
    page = (
        f"<!DOCTYPE html><html><head><title>{title}</title></head><body>"
        f"<nav><a href='/'>Home</a> <a href='/all'>All</a></nav><main><h1>{title}</h1>\n{body}</main>"
        f"<footer>The mill museum, open on Sundays</footer></body></html>"
    )
    return page.encode()


def milled(folder: Path, run: Callable[..., Ended]) -> None:
    """Fill ``folder`` with the crawl in ``crawl`` and what one undisturbed curation of it gave in ``lake``.

    For the fixture ``once``: the tests that compare with an undisturbed run share it.
    """
    crawl(folder / "crawl")
    ended = run(*curation(folder / "crawl", folder / "lake"))
    assert ended.code == 0, ended.err
    (folder / "out.json").write_text(ended.out, encoding="utf-8")


def curation(crawled: Path, lake: Path, *more: str) -> list[str]:
    """The words that curate the crawl, each file a shard."""
    words = ["curate", "--input", str(crawled), "--source", "mill", "--policy", "demo", "--lake", str(lake), "--json"]
    return [*words, "--group-below", "0", *more]
