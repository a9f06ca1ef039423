"""Finding what a takedown is about: documents, their duplicates, what bars them from coming back, and what proves it.

1. Rows of ``records``, ``documents``, ``curated`` and ``set_aside`` whose address, host or doc_id was asked for, and
   documents and payloads that hold a value. 2. Their exact duplicates (equal ``text_hash``) and near ones (same
   cluster), which go too when that is asked for. 3. Tombstones, and all that they cover, since the next crawl loses it
   too. 4. Passages of the texts that stand in no document that stays.

Cost: the columns of addresses once; where values are looked for, and for the passages, all texts and payloads once.
Memory: a batch of rows, and what is found.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from gristmill.core.config import did_you_mean
from gristmill.core.errors import DamageError, UsageError
from gristmill.core.files.parquet import open_parquet, raised_as_damage, read_batches
from gristmill.core.lake import Lake
from gristmill.core.urls import page_address
from gristmill.flows.takedown.named import named_outputs
from gristmill.flows.takedown.proof.columns import BATCH_ROWS, of_array
from gristmill.flows.takedown.proof.needles import MOST_DOCUMENTS, Finder, Needle, NeedleKind, passages
from gristmill.flows.takedown.request import Request
from gristmill.schemas.tables import Clusters, Curated, Documents, Records, Redacted, SetAside
from gristmill.tasks.ingest.barred import DOCUMENT, HOST, PAYLOAD, URL, Barred, url_digest
from gristmill.tasks.ingest.parts import host_of

ADDRESSED = (Records, Documents, Curated, SetAside)
TEXTS = ((Records, "payload"), (Documents, "text"), (Redacted, "text"), (Curated, "text"))
COLUMNS = ("doc_id", "source", "url", "host", "record_digest", "text_hash")
ROWS = 65_536


@dataclass
class Known:
    """What is known of a document or record to be taken down."""

    source: str = ""
    url: str | None = None
    payload: str | None = None
    text_hash: str | None = None
    duplicate: bool = False


@dataclass
class Matched:
    """What a request comes to."""

    documents: dict[str, Known] = field(default_factory=dict)
    asides: int = 0
    tombstones: set[tuple[str, str]] = field(default_factory=set)
    needles: list[Needle] = field(default_factory=list)
    encodings: set[str] = field(default_factory=set)
    exact: set[str] = field(default_factory=set)
    near: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    """Documents that stay and hold a passage of one that goes."""
    unproven: set[str] = field(default_factory=set)
    """Documents that go, none of whose passages is theirs alone or long enough: no search can show that they went."""

    @property
    def barred(self) -> Barred:
        """What the tombstones bar."""
        return Barred.of(self.tombstones)


def find(request: Request, lake: Lake, told: Callable[[str], None] = lambda _: None) -> Matched:
    """What the request comes to. Raises :class:`UsageError` where nothing matches, with the nearest names."""
    found = Matched(needles=request.needles)
    hosts: set[str] = set()
    asked = set(request.documents)
    told("addresses")
    whole = Barred.of(
        [(URL, url_digest(f"http://{url}")) for url in request.urls] + [(HOST, host) for host in request.hosts]
    )
    for row in _rows(lake):
        if row["host"]:
            hosts.add(row["host"])
        if row["doc_id"] in asked or whole.covers(row["url"], row["host"], None, None):
            _take(found, row)
    if request.values:
        told("values")
        _find_values(found, lake)
    if not found.documents and not found.asides:
        raise UsageError(nothing(request, hosts))
    told("duplicates")
    _find_duplicates(found, lake, take=request.duplicates)
    found.tombstones |= {(HOST, host) for host in request.hosts}
    found.tombstones |= {(URL, url_digest(f"http://{url}")) for url in request.urls}
    _bar(found, every_payload=request.duplicates or bool(request.values))
    covered = found.barred
    for row in _rows(lake):
        if covered.covers(row["url"], row["host"], row["record_digest"], row["doc_id"]):
            _take(found, row)
    found.tombstones |= {(DOCUMENT, doc_id) for doc_id in found.documents}
    told("passages")
    _choose_passages(found, lake)
    return found


def nothing(request: Request, hosts: Collection[str]) -> str:
    """Why nothing matches, and the nearest names of hosts."""
    wanted = [*request.hosts, *(host for url in request.urls if (host := host_of(f"http://{url}")))]
    near = did_you_mean(wanted[0], sorted(hosts)) if wanted else ""
    names = [*request.urls, *request.hosts, *request.documents]
    what = f"{', '.join(names[:3])}" if names else "the values of that file"
    return (
        f"nothing in this lake matches {what}{near}. Nothing was changed. `gristmill why` looks a page up, and --host "
        "takes all pages of a host."
    )


def tables(lake: Lake, name: str) -> list[Path]:
    """Every file of a table, of all runs, but for damaged ones of runs that were killed, which will be removed.

    Raises :class:`gristmill.core.errors.DamageError` for a damaged file that something names.
    """
    found = []
    for path in sorted((lake.root / "data" / "tables" / name).rglob("*.parquet")):
        try:
            with open_parquet(path):
                found.append(path)
        except DamageError:
            if path in named_outputs(lake):
                raise
    return found


def _rows(lake: Lake) -> Iterator[dict[str, str | None]]:
    """Every row that has an address or an identity, with what of ``COLUMNS`` its table has."""
    for table in ADDRESSED:
        names = [name for name in COLUMNS if name in table.schema.names]
        for path in tables(lake, table.name):
            for batch in read_batches(path, names, ROWS):
                for row in batch.to_pylist():
                    if "host" not in names:
                        row["host"] = host_of(row["url"])
                    yield dict.fromkeys(COLUMNS) | row


def _take(found: Matched, row: dict[str, str | None]) -> None:
    doc_id = row["doc_id"]
    if doc_id is None:
        found.asides += 1
        return
    known = found.documents.setdefault(doc_id, Known(row["source"] or ""))
    known.url = known.url or row["url"]
    known.payload = known.payload or row["record_digest"]
    known.text_hash = known.text_hash or row["text_hash"]


def _batches(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Small batches, for columns of texts."""
    with open_parquet(path) as file, raised_as_damage(path):
        there = [name for name in names if name in file.schema_arrow.names]
        yield from file.iter_batches(BATCH_ROWS, columns=there)


def _find_values(found: Matched, lake: Lake) -> None:
    """Documents and records that hold a value, in their text, their payload or their address."""
    values = [needle for needle in found.needles if needle.kind is NeedleKind.VALUE]
    found.encodings |= _encodings(lake, None)
    finder = Finder(values, found.encodings)
    taken: set[str] = set()
    for table, column in (*TEXTS, *((table, "url") for table in ADDRESSED), (SetAside, "detail")):
        for path in tables(lake, table.name):
            for batch in _batches(path, ["doc_id", column]):
                for place, _ in of_array(batch.column(column), finder):
                    doc_id = batch.column("doc_id")[place].as_py()
                    if doc_id is None:
                        found.asides += 1
                    else:
                        taken.add(doc_id)
    for row in _rows(lake) if taken else ():
        if row["doc_id"] in taken:
            _take(found, row)


def _encodings(lake: Lake, doc_ids: Collection[str] | None) -> set[str]:
    """The encodings of the pages of documents (of all, for None), as Python knows them."""
    import codecs

    names: set[str] = set()
    for path in tables(lake, Documents.name):
        for batch in read_batches(path, ["doc_id", "encoding"], ROWS):
            rows = pa.Table.from_batches([batch])
            if doc_ids is not None:
                rows = rows.filter(pc.is_in(rows["doc_id"], pa.array(list(doc_ids), pa.string())))
            names |= set(pc.unique(rows["encoding"]).to_pylist())
    known = set()
    for name in names:
        try:
            known.add(codecs.lookup(name).name)
        except LookupError:
            continue
    return known - {"utf-8", "ascii", "utf-16", "utf-16-le", "utf-16-be"}


def _find_duplicates(found: Matched, lake: Lake, *, take: bool) -> None:
    """Documents with the same text, and members of the same cluster; with ``take`` they go too."""
    hashes = {known.text_hash for known in found.documents.values() if known.text_hash}
    clusters: dict[str, set[str]] = {}
    for path in tables(lake, Clusters.name):
        for batch in read_batches(path, ["doc_id", "cluster_id"], ROWS):
            for doc_id, cluster in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                clusters.setdefault(cluster, set()).add(doc_id)
    same = {doc_id for members in clusters.values() if members & found.documents.keys() for doc_id in members}
    for row in _rows(lake):
        doc_id = row["doc_id"]
        if doc_id is None or doc_id in found.documents:
            continue
        if row["text_hash"] in hashes:
            found.exact.add(doc_id)
        elif doc_id in same:
            found.near.add(doc_id)
    found.near -= found.exact
    if take:
        for row in _rows(lake):
            if row["doc_id"] in found.exact | found.near:
                _take(found, row)
        for doc_id in found.exact | found.near:
            found.documents[doc_id].duplicate = True


def _bar(found: Matched, *, every_payload: bool) -> None:
    """The tombstones of what was found: its address, and its payload where it has none, or where its text must not
    come back under another one."""
    for doc_id, known in found.documents.items():
        found.tombstones.add((DOCUMENT, doc_id))
        if known.url:
            found.tombstones.add((URL, url_digest(known.url)))
        if known.payload and (every_payload or not known.url):
            found.tombstones.add((PAYLOAD, known.payload))


def _choose_passages(found: Matched, lake: Lake) -> None:
    """Passages of the documents that go, without those that stand in one that stays."""
    ids = sorted(found.documents)
    step = max(1, -(-len(ids) // MOST_DOCUMENTS))
    wanted = pa.array(ids[::step], pa.string())
    found.encodings |= _encodings(lake, ids)
    chosen: dict[str, list[Needle]] = {}
    for path in tables(lake, Documents.name):
        for batch in read_batches(path, ["doc_id"], ROWS):
            if pc.any(pc.is_in(batch.column(0), wanted)).as_py():
                break
        else:
            continue
        for batch in _batches(path, ["doc_id", "text"]):
            rows = batch.filter(pc.is_in(batch.column("doc_id"), wanted))
            for doc_id, text in zip(*(column.to_pylist() for column in rows.columns), strict=True):
                chosen.setdefault(doc_id, passages(doc_id, text))
    needles = {needle.text: needle for some in chosen.values() for needle in some}
    finder = Finder(list(needles.values()), found.encodings)
    common: set[str] = set()
    gone = pa.array(ids, pa.string())
    for table, column in TEXTS if needles else ():
        for path in tables(lake, table.name):
            for batch in _batches(path, ["doc_id", column]):
                rows = batch.filter(pc.invert(pc.is_in(batch.column("doc_id"), gone)))
                for place, match in of_array(rows.column(column), finder):
                    common.add(match.needle.text)
                    found.shared.add(rows.column("doc_id")[place].as_py())
    urls = [known.url for known in found.documents.values() if known.url]
    addresses = dict.fromkeys(address for url in urls if (address := page_address(url)))
    known_texts = {needle.text for needle in found.needles}
    for number, address in enumerate([text for text in addresses if text not in known_texts], 1):
        found.needles.append(Needle(NeedleKind.ADDRESS, f"address {number} of the documents", address))
    found.needles += [needle for text, needle in needles.items() if text not in common]
    for doc_id in wanted.to_pylist():
        if doc_id in chosen and all(needle.text in common for needle in chosen[doc_id]):
            found.unproven.add(doc_id)
