"""The URLs in the lake that name the page someone asks about, however they are spelt, and similar ones."""

import re
from itertools import islice
from urllib.parse import unquote

from gristmill.core.urls import page_address, shown_host
from gristmill.warehouse.connection import Warehouse

MOST_NEAR, NEAR_SHOWN = 10_000, 3
_HOST = re.compile("(?:[^/?#]*@)?([^/?#:]*)")
_WORD = re.compile("[A-Za-z0-9]+")


def spellings(warehouse: Warehouse, question: str) -> list[str]:
    """The URLs in the lake that name the same page as ``question``; none when it is not a URL."""
    address = _address(question)
    return [] if address is None else [url for url in _similar(warehouse, address) if _address(url) == address]


def _address(url: str) -> str | None:
    """The address of a page (``gristmill.core.urls``); a URL without a scheme counts as http."""
    return page_address(url) or page_address(f"http://{url.strip().removeprefix('//')}")


def _similar(warehouse: Warehouse, address: str, most: int | None = None) -> list[str]:
    """The URLs in the lake, in order, that contain the host of an address and its longest word, so that only a few
    need to be compared one by one."""
    found = _HOST.match(address)
    host, rest = (found[1], address[found.end() :]) if found else ("", address)
    words = _WORD.findall(unquote(rest))
    rows = warehouse.query(
        """
        SELECT DISTINCT url FROM fates
        WHERE (host = $host OR contains(lower(url), $host) OR contains(lower(url), $shown))
            AND contains(lower(url_decode(url)), $word)
        ORDER BY url LIMIT $most
        """,
        {"host": host, "shown": shown_host(host), "word": max(words, key=len, default="").lower(), "most": most},
    )
    return [row["url"] for row in rows]


def hint_for(warehouse: Warehouse, question: str) -> str:
    """What to try when no record matches ``question``: similar addresses."""
    if not warehouse.published:
        return warehouse.empty_hint
    address = (_address(question) or question).lower()
    urls = _similar(warehouse, address, MOST_NEAR)
    near = list(islice((url for url in urls if address in (_address(url) or url).lower()), NEAR_SHOWN))
    if near:
        return "No record has exactly this address. Similar: " + ", ".join(near)
    return "No record has a similar address either: search the dashboards' Documents page for a part of it."
