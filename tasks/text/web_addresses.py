"""Web addresses inside texts, as DCLM's baseline removes them before it judges a page.

Source: DCLM ``url_removal_modifier`` (baselines/mappers/modifiers.py). Upstream looks for addresses with a top-level
domain only in pages that *begin* with the letters of one (``re.match`` where ``re.search`` was meant), so a page that
begins with "In" or "The" differs; the verdicts of the published data depend on it, so it is done here too. Addresses of
four numbers are looked for in every page.

Cost: three scans in Rust over all texts; the expressions themselves run where a text may hold an address.
"""

import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import polars as pl

TOP_LEVEL_DOMAINS = Path(__file__).parent / "lists" / "iana_tlds.txt"
IPV4 = re.compile(r"\s{0,10}\b((https?|ftp)://)?(?:[0-2]?[0-9]{1,2}\.){3}[0-2]?[0-9]{1,2}[-a-zA-Z0-9()@:%_\+.~#?&//=]*")
MAY_HOLD_IPV4 = r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"
HOST, SPACES = 256, 10
IN_HOST = frozenset(string.ascii_letters + string.digits + "-@:%._+~#=")
SCHEMES = ("https://", "http://", "ftp://")
URL, IP_ADDRESS = "url", "ip_address"
SCHEMA = {"document": pl.UInt32, "start": pl.Int64, "end": pl.Int64, "reason": pl.String}


@cache
def domains() -> tuple[str, ...]:
    """The top-level domains, lower case."""
    lines = TOP_LEVEL_DOMAINS.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


@cache
def _url() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Upstream's expression, and a quick one for where it may match: a dot, a top-level domain, the end of a word."""
    ending = rf"\.(?:{'|'.join(sorted(map(re.escape, domains()), key=len, reverse=True))})\b"
    return (
        re.compile(
            r"\s{0,10}(?:((https?|ftp)://))?[-a-zA-Z0-9@:%._\+~#=]{1,256}" + ending + r"([-a-zA-Z0-9()@:%_\+.~#?&//=]*)"
        ),
        re.compile(ending),
    )


def _urls(text: str) -> Iterator[tuple[int, int]]:
    """What ``finditer`` of upstream's expression gives, without trying it at every character.

    A match of it ends its host with a top-level domain and begins, at the most, 256 characters of a host before that,
    one scheme, and ten characters of white space.
    """
    whole, ending = _url()
    done = 0
    for place in ending.finditer(text):
        dot = place.start()
        if dot < done:
            continue
        least = max(done, dot - HOST)
        begin = dot
        while begin > least and text[begin - 1] in IN_HOST:
            begin -= 1
        if begin == dot:
            continue
        for scheme in SCHEMES:
            if text.endswith(scheme, done, begin):
                begin -= len(scheme)
                break
        space = begin
        while space > max(done, begin - SPACES) and text[space - 1].isspace():
            space -= 1
        match = whole.match(text, space)
        if match is not None:
            done = match.end()
            yield match.span()


def web_addresses(texts: pl.DataFrame) -> pl.DataFrame:
    """Spans of addresses: ``document``, ``start``, ``end`` in code points, ``reason`` url or ip_address; ascending.

    ``texts`` has the columns ``document`` and ``text``. A span of an IP address is one of the text without the URLs,
    so it may hold a URL.
    """
    names = "|".join(map(pl.escape_regex, domains()))
    text = pl.col("text")
    begins = text.str.contains(f"(?i)^(?:{names})") & text.str.contains(rf"\.(?:{names})\b")
    likely = texts.with_columns(begins=begins).filter(pl.col("begins") | text.str.contains(MAY_HOLD_IPV4))
    rows: list[tuple[int, int, int, str]] = []
    for document, found, looks in likely.select("document", "text", "begins").iter_rows():
        rows += [(document, *span) for span in _spans(found, urls=looks)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("document", "start", "end")


def _spans(text: str, *, urls: bool) -> list[tuple[int, int, str]]:
    gone = list(_urls(text)) if urls else []
    rest = without(text, gone)
    found = [(start, end, URL) for start, end in gone]
    for match in IPV4.finditer(rest):
        first, last = _before(gone, match.start()), _before(gone, match.end() - 1)
        found.append((first, last + 1, IP_ADDRESS))
    return found


def without(text: str, gone: list[tuple[int, int]]) -> str:
    """``text`` without the spans ``gone``, which ascend and do not overlap."""
    pieces, done = [], 0
    for start, end in gone:
        pieces.append(text[done:start])
        done = end
    return "".join([*pieces, text[done:]])


def _before(gone: list[tuple[int, int]], place: int) -> int:
    """Where the character ``place`` of the text without ``gone`` stands in the whole text."""
    for start, end in gone:
        if start > place:
            break
        place += end - start
    return place
