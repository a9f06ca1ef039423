"""Certificates of takedowns: what, when, by whom, which digests before and after, and what the search looked at.

Each holds the seal of the one before it and its own: the SHA-256 of all that it says. So none can be changed or left
out without breaking the chain (:func:`broken_seal`); whoever can write to the lake can make the whole chain anew,
unless a seal was kept elsewhere. Nothing in a certificate tells what was taken down, but for hosts taken down whole.
"""

import json
from collections import Counter
from hashlib import sha256
from typing import Any

from gristmill.core.digests import canonical_json, digest_text
from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.flows.takedown.journal import FOLDER, Journal
from gristmill.flows.takedown.proof.needles import digest_of
from gristmill.flows.takedown.proof.search import Searched

FIRST = "0" * 64
MOST_PLACES = 1_000
REACH = (
    "Weights of models that were trained on it, copies and exports outside the lake (hard links to its tokens are "
    "overwritten), backups, earlier versions that a file system or object store keeps, and a Prefect server that the "
    "lake does not run are out of reach."
)


def certificate_of(journal: Journal, searched: Searched) -> dict[str, Any]:
    """The certificate of a takedown that was carried out, sealed."""
    plan = journal.plan
    earlier = certificates(journal.lake)
    kinds = Counter(kind for kind, _, _ in plan.needles)
    content: dict[str, Any] = {
        "id": plan.id,
        "number": len(earlier) + 1,
        "at": plan.at,
        "by": plan.name,
        "reason": plan.reason,
        "request": {
            "addresses": [digest_text(url) for url in plan.request.urls],
            "hosts": list(plan.request.hosts),
            "documents": list(plan.request.documents),
            "values": len(plan.request.values),
            "values_digest": digest_text("\n".join(plan.request.values)) if plan.request.values else "",
            "duplicates": plan.request.duplicates,
        },
        "found": plan.found,
        "documents": list(plan.documents),
        "tombstones": len(plan.tombstones),
        "changes": sorted(journal.record, key=lambda entry: (entry["what"], entry["shard"], entry["before"])),
        "stale": [{name: row[name] for name in row if name != "takedown"} for row in plan.stale],
        "search": {
            "files": searched.files,
            "bytes": searched.bytes,
            "read_as": dict(sorted(searched.read.items())),
            "needles": dict(sorted(kinds.items())),
            "needles_digest": digest_of(plan.looked_for),
            "remaining": places(searched.remaining),
            "mentions": len({(hit.path, hit.doc_id) for hit in searched.hits if hit.mention}),
            "unread": sorted(path for path, _ in searched.unread),
        },
        "clean": not searched.remaining and not searched.unread,
        "out_of_reach": REACH,
        "previous": earlier[-1]["seal"] if earlier else FIRST,
    }
    return content | {"seal": seal_of(content)}


def places(hits: list[Any]) -> list[dict[str, str]]:
    """Where something is left: the first places, each once."""
    found = dict.fromkeys((hit.path, hit.place, hit.needle, hit.form) for hit in hits)
    names = ("file", "place", "needle", "form")
    return [dict(zip(names, entry, strict=True)) for entry in list(found)[:MOST_PLACES]]


def seal_of(content: dict[str, Any]) -> str:
    """SHA-256 of a certificate without its seal, in canonical JSON."""
    return sha256(canonical_json({name: value for name, value in content.items() if name != "seal"})).hexdigest()


def certificates(lake: Lake) -> list[dict[str, Any]]:
    """All certificates of a lake, in order."""
    found = [json.loads(path.read_bytes()) for path in (lake.root / FOLDER).glob("*.json")]
    return sorted(found, key=lambda entry: int(entry["number"]))


def certificate(lake: Lake, name: str) -> dict[str, Any]:
    """The certificate whose id begins with ``name``. Raises :class:`UsageError` for none or several."""
    found = [entry for entry in certificates(lake) if str(entry["id"]).startswith(name)]
    if len(found) != 1:
        what = "no certificate" if not found else f"{len(found)} certificates"
        raise UsageError(f"--show {name}: {what} of that id. `gristmill takedown --list` shows them.")
    return found[0]


def broken_seal(entries: list[dict[str, Any]]) -> str:
    """The id of the first certificate whose seal, number or predecessor is not as it was; empty when all hold."""
    before = FIRST
    for number, entry in enumerate(entries, 1):
        if entry.get("seal") != seal_of(entry) or entry["previous"] != before or entry["number"] != number:
            return str(entry["id"])
        before = entry["seal"]
    return ""
