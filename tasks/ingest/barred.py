"""Tombstones of takedowns as ingest honours them: a record that one covers is set aside, and nothing of it is kept.

A tombstone is a page's address (as a BLAKE2b-128 digest of :func:`gristmill.core.urls.page_address`), a host with its
subdomains (in clear), the digest of a payload, or a ``doc_id``. The file of all tombstones is an input of the step, so
its digest is part of the key of what ingest wrote; a lake without takedowns has the keys that it always had.

A digest cannot be turned back into an address, but whoever guesses an address can check the guess. Cost: nothing
without tombstones; else the normal form of each URL, 5 to 10 microseconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from gristmill.core.lake import Lake
from gristmill.core.manifest import Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.core.urls import page_address
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import SetAside, Takedowns
from gristmill.tasks.ingest.readers.reasons import Reason
from gristmill.tasks.ingest.sources import InputFile, InputSource

KIND, NAME = "takedown", "tombstones"
"""Kind and name of the dataset that names the file of all tombstones."""
URL, HOST, PAYLOAD, DOCUMENT = "url", "host", "payload", "document"
DIGEST_BYTES = 16


@dataclass(frozen=True)
class Barred:
    """What no record may have: digests of addresses, hosts, digests of payloads, and doc_ids."""

    urls: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    payloads: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()

    @classmethod
    def of(cls, tombstones: Iterable[tuple[str, str]]) -> "Barred":
        """From pairs of kind and value, as the table ``takedowns`` has them."""
        sets: dict[str, set[str]] = {URL: set(), HOST: set(), PAYLOAD: set(), DOCUMENT: set()}
        for kind, value in tombstones:
            sets[kind].add(value)
        return cls(*(frozenset(sets[kind]) for kind in (URL, HOST, PAYLOAD, DOCUMENT)))

    def __bool__(self) -> bool:
        return bool(self.urls or self.hosts or self.payloads or self.documents)

    def covers(self, url: str | None, host: str | None, payload_digest: str | None, doc_id: str | None) -> bool:
        """Whether a record of that address, host, payload and identity is barred; what is None is not looked at."""
        return (
            (payload_digest in self.payloads)
            or (doc_id in self.documents)
            or (bool(self.hosts) and host is not None and self.covers_host(host))
            or (bool(self.urls) and url is not None and url_digest(url) in self.urls)
        )

    def covers_host(self, host: str) -> bool:
        """Whether a host, in its plain form, is one of the hosts or below one."""
        parts = host.split(".")
        return any(".".join(parts[number:]) in self.hosts for number in range(len(parts)))


@dataclass(frozen=True)
class BarredSource:
    """What ingest is given, with what it must not take from it. Name, shard and digest are those of the source."""

    source: InputSource
    barred: Barred

    @property
    def name(self) -> str:
        """See :class:`InputFile`."""
        return self.source.name

    @property
    def digest(self) -> str:
        """See :class:`InputFile`."""
        return self.source.digest

    @property
    def shard(self) -> str:
        """See :class:`InputFile`."""
        return self.source.shard

    @property
    def members(self) -> tuple[InputFile, ...]:
        """See :class:`InputFile`."""
        return self.source.members


def url_digest(url: str) -> str:
    """What the tombstone of a page says in place of its address: the same for every spelling of it."""
    address = page_address(url) or url.strip()
    return blake2b(address.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).hexdigest()


def hidden_uri(record_uri: str) -> str:
    """What stands for the ``record_uri`` of a record that was taken down, since file names can tell what they hold."""
    digest = blake2b(record_uri.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).hexdigest()
    return f"{KIND}:{digest}"


def taken_row(doc_id: str | None, source: str, record_uri: str) -> dict[str, str | None]:
    """The row of ``set_aside`` that is left of a record: its fate, and nothing that tells what it held."""
    values = (doc_id, source, None, hidden_uri(record_uri), StageName.INGEST, "record", Reason.TAKEDOWN.value, "")
    return dict(zip(SetAside.schema.names, values, strict=True))


def tombstones_of(lake: Lake) -> tuple[Ref, ...]:
    """The file of all tombstones; nothing in a lake without takedowns."""
    found = lake.dataset(KIND, NAME)
    return found.tables.get(Takedowns.name, ()) if found else ()


def read_barred(lake: Lake, refs: tuple[Ref, ...]) -> Barred:
    """What the tombstones of ``refs`` bar."""
    rows = [lake.read(ref, ["kind", "value"]) for ref in refs]
    return Barred.of(
        pair for part in rows for pair in zip(part["kind"].to_pylist(), part["value"].to_pylist(), strict=True)
    )


def reading(source: InputSource, lake: Lake) -> Inputs:
    """The inputs of ingest for a source: with the tombstones of the lake, where it has some."""
    refs = tombstones_of(lake)
    return Inputs(refs=refs, source=BarredSource(source, read_barred(lake, refs))) if refs else Inputs(source=source)
