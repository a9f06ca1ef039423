"""Files of the lake with other content, as a takedown leaves them, and the manifests that name them.

A manifest is a chain of digests, so a file that lost rows changes every manifest below it. Two kinds:

* *Renamed*: a step that works row by row (extraction, signals, decisions, redaction) gives, for an input without some
  rows, its output without those rows. Its manifest gets the new digests and the key that follows from them, so a later
  run finds it and computes nothing. :func:`works_by_row` tells them by their manifests.
* *Kept*: any other step (deduplication, tokens, mixtures, evaluation). The manifest keeps its key and the inputs it
  was made from, which are gone, and names the new content of its outputs; ``facts["superseded"]`` says which digest
  stands for which. A later run finds other inputs and computes it again.

A file is never overwritten: new content gets a new place, then the manifest is written, then the old ones go. Running
it again after a kill finds what is left to do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gristmill.core.digests import digest_text
from gristmill.core.lake import Lake
from gristmill.core.manifest import FilesRef, Input, Manifest, Ref, output_key

SUPERSEDED = "superseded"
"""The fact of a manifest that says which digests of its inputs now stand for which."""
FIRST = ("ingest",)
"""Steps whose shard is that of a source from outside, and which write parts of it."""
ASIDE = ("reviews",)
"""Tables that a step reads beside its shard, and that hold no documents."""


@dataclass
class Changes:
    """What became of files: by digest the new digest, and by table, shard and key the new reference."""

    digests: dict[str, str] = field(default_factory=dict)
    refs: dict[tuple[str, str, str], Ref | FilesRef] = field(default_factory=dict)

    def add(self, old: Ref | FilesRef, new: Ref | FilesRef) -> None:
        """Note that ``new`` stands for ``old``."""
        if old.digest != new.digest:
            self.digests[old.digest] = new.digest
        if old != new:
            self.refs[place_of(old)] = new

    def ref(self, old: Ref) -> Ref:
        """What stands for a table's file, through several changes."""
        while isinstance(found := self.refs.get(place_of(old)), Ref) and found != old:
            old = found
        return old

    def files(self, old: FilesRef) -> FilesRef:
        """What stands for a folder."""
        found = self.refs.get(place_of(old))
        return found if isinstance(found, FilesRef) else old

    def digest(self, old: str) -> str:
        """What stands for a digest, through several changes."""
        seen = {old}
        while (new := self.digests.get(old)) is not None and new not in seen:
            seen.add(new)
            old = new
        return old


def place_of(ref: Ref | FilesRef) -> tuple[str, str, str]:
    """Table or ``files/`` and name, shard and key: what tells one reference from another."""
    return (ref.table if isinstance(ref, Ref) else f"files/{ref.name}", ref.shard, ref.key)


def works_by_row(manifest: Manifest) -> bool:
    """Whether a manifest is that of a step that makes each row of its tables from the same document of its inputs.

    Such a step writes tables alone, under its own key, from files of its own shard (and models, which are folders).
    """
    if manifest.files or not manifest.outputs:
        return False
    if manifest.step in FIRST:
        return True
    own = all(ref.key == manifest.key and ref.shard == manifest.shard for ref in manifest.outputs)
    return own and all(
        entry.shard == manifest.shard or entry.table.startswith("files/") or entry.table in ASIDE
        for entry in manifest.inputs
    )


def renamed(manifest: Manifest, changes: Changes, first: Ref | None) -> Manifest:
    """The manifest with the inputs that stand for its own, and the key that follows; outputs are not looked at.

    ``first``: the file of all tombstones, an input of every step that reads sources.
    """
    kept = [entry for entry in manifest.inputs if first is None or entry.table != first.table]
    inputs = [entry.model_copy(update={"digest": changes.digest(entry.digest)}) for entry in kept]
    rows = dict(manifest.rows_in)
    if first is not None and manifest.step in FIRST:
        inputs.append(Input(table=first.table, shard=first.shard, digest=first.digest))
        rows[first.table] = first.rows
    sources = [entry for entry in inputs if entry.table == "source"]
    others = sorted(
        (entry for entry in inputs if entry.table != "source"),
        key=lambda entry: (entry.table, entry.shard, entry.digest),
    )
    entries = (*others, *sources)
    key = output_key(manifest.step, manifest.version, manifest.config, entries)
    return manifest.model_copy(update={"inputs": entries, "key": key, "rows_in": rows})


def kept(manifest: Manifest, changes: Changes) -> Manifest:
    """The manifest with its own key and inputs, and the digests that stand for those that are gone among its facts."""
    before: Mapping[str, str] = manifest.facts.get(SUPERSEDED, {})
    names = {entry.digest: changes.digest(before.get(entry.digest, entry.digest)) for entry in manifest.inputs}
    gone = {old: new for old, new in names.items() if old != new}
    return manifest.model_copy(update={"facts": manifest.facts | ({SUPERSEDED: gone} if gone else {})})


def stands_for(manifest: Manifest, digest: str) -> str:
    """The digest of what an input of ``manifest`` is now."""
    found: Mapping[str, str] = manifest.facts.get(SUPERSEDED, {})
    return found.get(digest, digest)


def next_key(key: str, event: str) -> str:
    """The key of the place for new content of an output whose manifest keeps its own; ``event``: what changed it."""
    return digest_text(f"{key}\n{event}")[:16]


def replace_manifest(lake: Lake, old: Manifest, new: Manifest) -> None:
    """Write ``new``, whose files are there, and remove ``old`` where it has another key."""
    lake.write_manifest(new)
    if old.key != new.key:
        lake.manifest_path(old.step, old.shard, old.key).unlink(missing_ok=True)
