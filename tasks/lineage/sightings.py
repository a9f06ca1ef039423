"""The checkpoints that read a document: how often, and at which step first.

Cost: a binary search in every part of every store, and a few rows of each plan; a URL is looked for in the host and URL
columns of the curated files.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.core.urls import page_address
from gristmill.tasks.lineage.reads import TokenRange, find_documents, read_ranges
from gristmill.tasks.lineage.trained import TrainedCheckpoint, all_trained, curated_of_tokens, mix_of, plan_of
from gristmill.tasks.lineage.visits import NEVER
from gristmill.tasks.mix.token_store import TokenStore

_HOST = re.compile("(?:[^/?#]*@)?([^/?#:]*)")
_DOC_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class Sighting:
    """A document and a checkpoint whose mix holds it. ``first_step`` is None, ``tokens_read`` 0, if it never read it.

    ``split`` is ``train`` or ``heldout``; held-out documents are never read.
    """

    doc_id: str
    checkpoint: str
    label: str
    mix: str
    domain: str
    split: str
    tokens: int
    tokens_read: int
    first_step: int | None

    @property
    def epochs(self) -> float:
        """How many times the document was read; less than 1 when only a part of it was."""
        return self.tokens_read / max(self.tokens, 1)


def sightings(doc_ids: Collection[str], lake: Lake) -> list[Sighting]:
    """Every checkpoint of the lake whose mix holds one of the documents, by document, mix, mixture and step.

    Raises :class:`UsageError` for what is not a doc_id, and if no mix that was trained on holds any of the documents.
    """
    for doc_id in doc_ids:
        if not _DOC_ID.fullmatch(doc_id):
            raise UsageError(f"{doc_id!r} is not a doc_id, which has 32 hexadecimal digits. Give a URL with --url.")
    found: list[Sighting] = []
    for mix, entries in _by_mix(lake):
        store = TokenStore.open([lake.files_path(ref) for ref in mix.files["tokens"]])
        places = find_documents(store, doc_ids)
        for trained in entries if places else ():
            found += seen_places(trained, mix, places, lake)
    if not found:
        raise UsageError(
            f"no mix that a checkpoint of this lake was trained on holds {' or '.join(sorted(doc_ids)[:3])}. "
            "`gristmill why` says what became of the page."
        )
    return sorted(found, key=lambda entry: entry.doc_id)


def seen_places(
    trained: TrainedCheckpoint, mix: Dataset, places: Sequence[TokenRange], lake: Lake
) -> Iterator[Sighting]:
    """How often the checkpoint read each place, by domain."""
    plan, rows = plan_of(trained, mix, lake), range(trained.first_row, trained.end_row)
    groups: dict[tuple[str, str], list[TokenRange]] = {}
    for place in places:
        groups.setdefault((place.domain, place.split), []).append(place)
    for (domain, split), some in groups.items():
        starts, stops = (np.array(ends) for ends in zip(*((place.start, place.stop) for place in some), strict=True))
        # A plan reads training text alone: of no row of the run, for held-out text.
        reads = read_ranges(plan, domain, starts, stops, rows if split == "train" else range(0))
        steps = trained.steps_of(np.where(reads.first < NEVER, reads.first, 0))
        for place, read, step in zip(some, reads.tokens.tolist(), steps.tolist(), strict=True):
            yield Sighting(
                place.doc_id,
                trained.digest,
                trained.label,
                trained.mix,
                domain,
                split,
                place.stop - place.start,
                read,
                step if read else None,
            )


def seen_among(trained: TrainedCheckpoint, doc_ids: AbstractSet[str], lake: Lake) -> set[str]:
    """Those of ``doc_ids`` of which the checkpoint read at least one token."""
    mix = mix_of(trained, lake)
    store = TokenStore.open([lake.files_path(ref) for ref in mix.files["tokens"]])
    found = seen_places(trained, mix, find_documents(store, doc_ids), lake)
    return {entry.doc_id for entry in found if entry.tokens_read}


def documents_of_url(url: str, lake: Lake, told: Callable[[int], None] = lambda _: None) -> list[str]:
    """The documents of a page, however its address is spelt, in the mixes that were trained on.

    ``told`` is called with 1 for each curated file. Raises :class:`UsageError` when there is none.
    """
    address = page_address(url) or page_address(f"http://{url.strip().removeprefix('//')}")
    host = _HOST.match(address) if address else None
    if address is None or host is None:
        raise UsageError(f"--url {url}: this is not an address.")
    refs = {
        ref.digest: ref
        for mix, _ in _by_mix(lake)
        for entry in curated_of_tokens(mix.files["tokens"], lake)
        for ref in entry
        if ref is not None and lake.path(ref).is_file()
    }
    found: set[str] = set()
    for ref in refs.values():
        rows = lake.read(ref, ["doc_id", "host", "url"])
        same = rows.filter(pc.equal(rows["host"], host[1]))
        pairs = zip(same["doc_id"].to_pylist(), same["url"].to_pylist(), strict=True)
        found |= {doc_id for doc_id, known in pairs if known and page_address(known) == address}
        told(1)
    if not found:
        raise UsageError(
            f"--url {url}: no document of this page was trained on. `gristmill why {url}` says what became of it."
        )
    return sorted(found)


def _by_mix(lake: Lake) -> list[tuple[Dataset, list[TrainedCheckpoint]]]:
    """The mixes that were trained on, each with its checkpoints."""
    groups: dict[tuple[str, str], list[TrainedCheckpoint]] = {}
    for entry in all_trained(lake):
        if entry.on_mix:
            groups.setdefault((entry.mix, entry.mix_key), []).append(entry)
    return [(mix_of(entries[0], lake), entries) for entries in groups.values()]
