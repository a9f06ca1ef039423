"""Main content by trafilatura, as datatrove calls it for FineWeb: without comments, repeated parts dropped.

Source: datatrove 0.10 ``extractors/trafilatura.py``. One thing differs: upstream's memory of repeated parts reaches
over pages, so that a page's text depends on the pages its process saw before; here every page has a memory of its own.
Cost: about 40 ms a page; trafilatura and lxml keep memory over many pages, so their worker is replaced now and then
(``gristmill.tasks.extraction.client``).
"""

import logging

from trafilatura import extract
from trafilatura.deduplication import LRUCache
from trafilatura.settings import LRU_SIZE

logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # what goes wrong with a page is counted, not printed


def trafilatura_content(html: str) -> str:
    """The main content of a page, empty when trafilatura finds none; its default balance of precision and recall."""
    return extract(html, include_comments=False, deduplicate=LRUCache(LRU_SIZE)) or ""


def precise_content(html: str) -> str:
    """The same with less text and less boilerplate: ``favor_precision``, as FineWeb."""
    return extract(html, include_comments=False, deduplicate=LRUCache(LRU_SIZE), favor_precision=True) or ""
