"""The step ``rights``: what is stated about training on each document, and the licence it names.

Statements come from the crawl record (header lines that ingest kept, the HTML of the page) and from a snapshot of
robots.txt, ai.txt and tdmrep.json where one is given, which may be newer than the crawl. The most restrictive wins, and
its line is kept as evidence. Nothing is decided here: a policy says what becomes of ``rights.reserved``. A document
without any statement is neither reserved nor allowed.

Cost: about 300 MB/s of HTML, and 20 microseconds for each address of a host that the snapshot knows.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl
import pyarrow as pa

from gristmill.core.config import Config
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.tables import Documents, Records, SignalsRights
from gristmill.tasks.ingest.readers.media import HTML_TYPES, UNKNOWN_TYPES
from gristmill.tasks.safety.rights.html import NOTHING, PageRights, page_rights
from gristmill.tasks.safety.rights.licences import MAY_NAME, Licence, licence_of_address, licence_of_text
from gristmill.tasks.safety.rights.preferences import (
    content_signal,
    content_usage,
    robots_directives,
    tdm_reservation,
)
from gristmill.tasks.safety.rights.sites import RightsSnapshot, SiteFiles, read_snapshot, snapshot_config
from gristmill.tasks.safety.rights.statement import RightsSource, Statement, combined, statement

BATCH_ROWS = 64
HTML = frozenset({"", *HTML_TYPES, *UNKNOWN_TYPES})
VALUES = {
    "content-usage": (RightsSource.CONTENT_USAGE, content_usage),
    "content-signal": (RightsSource.CONTENT_SIGNAL, content_signal),
    "tdm-reservation": (RightsSource.TDM_HEADER, tdm_reservation),
}


class RightsConfig(Config):
    """``snapshot``: what the sites say now, or said at the time of the crawl; None without one."""

    snapshot: RightsSnapshot | None = None


def rights_config(robots: Path | None) -> RightsConfig:
    """The config. Raises :class:`gristmill.core.errors.UsageError` for a snapshot that is not there."""
    return RightsConfig(snapshot=None if robots is None else snapshot_config(robots))


@shard_step("rights", version=1, reads=(Records, Documents), writes=(SignalsRights,))
def rights(records: pa.Table, documents: pa.Table, config: RightsConfig) -> pa.Table:
    """One row of ``signals/rights`` for each row of ``documents``, in their order.

    Raises :class:`gristmill.core.errors.UsageError` when the snapshot is missing or has changed.
    """
    sites = read_snapshot(config.snapshot.path, config.snapshot.digest) if config.snapshot else {}
    by_id = {page[0]: page[1:] for page in _pages(records)}
    licences = _licences_of(documents)
    rows = []
    for doc_id, url, host in zip(
        *(documents.column(name).to_pylist() for name in ("doc_id", "url", "host")), strict=True
    ):
        headers, page = by_id.get(doc_id, (None, NOTHING))
        rows.append(_row(doc_id, headers, page, licences.get(doc_id), list(_of_site(sites, host, url))))
    return pa.Table.from_pylist(rows, schema=SignalsRights.schema)


def header_statements(lines: str | None) -> Iterator[Statement]:
    """What the kept header lines of a response say of training."""
    for line in (lines or "").split("\n"):
        name, _, value = line.partition(":")
        name = name.strip().lower()
        if name in VALUES:
            source, meaning = VALUES[name]
            allows = meaning(value)
            if allows is not None:
                yield statement(source, allows, line)
        elif name == "x-robots-tag" and "noai" in robots_directives(value):
            yield statement(RightsSource.X_ROBOTS_TAG, False, line)


def _row(
    doc_id: str, headers: str | None, page: PageRights, named: Licence | None, of_site: list[Statement]
) -> dict[str, object]:
    decision = combined([*header_statements(headers), *page.statements, *of_site])
    directives = _header_directives(headers)
    licence = page.licence or _header_licence(headers)
    if named is not None and (licence is None or named.line.startswith("SPDX")):
        licence = named
    return {
        "doc_id": doc_id,
        "reserved": decision.reserved,
        "allowed": decision.allowed,
        "source": decision.decisive.source.value if decision.decisive else None,
        "evidence": decision.decisive.line if decision.decisive else None,
        "sources": ", ".join(source.value for source in decision.sources) or None,
        "images_reserved": page.images_reserved or "noimageai" in directives,
        "noindex": page.noindex or bool(directives & {"noindex", "none"}),
        "licence": licence.spdx if licence else None,
        "licence_evidence": licence.line if licence else None,
    }


def _header_directives(lines: str | None) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for line in (lines or "").split("\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "x-robots-tag":
            found |= robots_directives(value)
    return found


def _header_licence(lines: str | None) -> Licence | None:
    for line in (lines or "").split("\n"):
        if line[:4].lower() == "link":
            for link in line.partition(":")[2].split(",")[:100]:
                address, _, parameters = link.partition(">")
                if "license" in parameters.lower():
                    return licence_of_address(address.strip(" <"), line)
    return None


def _pages(records: pa.Table) -> Iterator[tuple[str, str | None, PageRights]]:
    """Of each record that says anything: its id, its header lines, and what its HTML says."""
    columns = records.select(["doc_id", "record_type", "content_type", "use_headers", "payload"])
    for batch in columns.to_batches(max_chunksize=BATCH_ROWS):
        for row in batch.to_pylist():
            is_page = row["record_type"] != "row" and row["content_type"] in HTML
            page = page_rights(row["payload"]) if is_page else NOTHING
            if page is not NOTHING or row["use_headers"] is not None:
                yield row["doc_id"], row["use_headers"], page


def _licences_of(documents: pa.Table) -> dict[str, Licence]:
    frame = pl.DataFrame(documents.select(["doc_id", "text"])).filter(pl.col("text").str.contains(MAY_NAME))
    found = ((doc_id, licence_of_text(text)) for doc_id, text in frame.iter_rows())
    return {doc_id: licence for doc_id, licence in found if licence is not None}


def _of_site(sites: Mapping[str, SiteFiles], host: str | None, url: str | None) -> Iterator[Statement]:
    site = sites.get(host) if host else None
    if site is not None and url:
        yield from site.statements(url)
