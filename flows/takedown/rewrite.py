"""The lake without what was taken down: new content, new manifests, and datasets that name them.

Manifests are taken in the order in which they were made from one another, so that each finds what stands for its
inputs. Steps that work row by row get the manifest that a run on the new input would have written; all others keep
theirs and say what their inputs stand for now (:mod:`gristmill.core.supersede`). Then datasets, current and earlier,
are pointed at the new files, with new counts; a key that another dataset names (training names its mix) is replaced
there too.

One shard is in memory at a time. Only shards that hold a document are rewritten; the manifests of the others are read,
and written again where ingest made them, because its key now covers the new tombstones.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from gristmill.core.digests import digest_file, digest_folder
from gristmill.core.files.atomic import publish
from gristmill.core.files.parquet import write_rows
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef, Manifest, Ref, pointed_key
from gristmill.core.supersede import FIRST, kept, next_key, place_of, renamed, replace_manifest, works_by_row
from gristmill.flows.takedown.contents import blanked_value, new_content, taken_records
from gristmill.flows.takedown.folders import change_folder
from gristmill.flows.takedown.journal import Journal
from gristmill.flows.takedown.proof.needles import Finder
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import TABLES, Curated, Documents, Records, SetAside, Verdicts
from gristmill.tasks.ingest.barred import Barred, tombstones_of
from gristmill.tasks.ledger.funnel import LedgerFiles, funnel, summary

ORDER = ("takedown", "curation", "mix", "trial_reuse", "training", "evaluation", "contamination", "speed", "gates")
LEDGER = (Records, Documents, SetAside, Verdicts, Curated)
GONE_WITH_TOKENS = frozenset({"suffixes"})
"""Files that say how tokens are sorted: removed with the tokens that they sort, and made again when asked for."""

Boundary = Callable[[str], None]
"""Called after each thing that was done; a test makes it raise."""


@dataclass(frozen=True)
class Rewriting:
    """What every part of the rewriting needs."""

    lake: Lake
    journal: Journal
    barred: Barred
    finder: Finder
    done: Boundary

    def run(self) -> None:
        """Rewrite manifests with their files, then what only datasets name, then datasets."""
        for manifest in ordered(self.lake):
            self.manifest(manifest)
        for path in self.datasets():
            dataset = Dataset.model_validate_json(path.read_bytes())
            for refs in dataset.tables.values():
                for ref in refs:
                    self.table(ref, next_key(ref.key, self.journal.plan.id))
            for folders in dataset.files.values():
                for files in folders:
                    self.files(files)
        for path in self.datasets():
            self.dataset(path)

    def datasets(self) -> list[Path]:
        """The files of all datasets, those that others name first."""
        places = {kind: number for number, kind in enumerate(ORDER)}
        paths = (self.lake.root / "data" / "datasets").rglob("*.json")
        return sorted(paths, key=lambda path: (places.get(path.parent.parent.name, len(ORDER)), str(path)))

    # -- manifests ----------------------------------------------------------------------------------------------

    def manifest(self, manifest: Manifest) -> None:
        """One manifest and its outputs. Steps: new files, journal, manifest, removal of the old ones."""
        changes = self.journal.changes
        tombstones = tombstones_of(self.lake)
        by_row = works_by_row(manifest)
        new = renamed(manifest, changes, tombstones[0] if tombstones else None) if by_row else manifest
        if manifest.files and manifest.step in GONE_WITH_TOKENS and self._lost_inputs(manifest):
            self._remove(manifest)
            return
        fates = self._fates(manifest) if manifest.step in FIRST else {}
        outputs = []
        for ref in manifest.outputs:
            key = new.key if by_row else next_key(ref.key, self.journal.plan.id)
            outputs.append(self.table(ref, key, fates.get(ref.shard, []) if ref.table == SetAside.name else []))
        files = tuple(self.files(ref) for ref in manifest.files)
        new = new.model_copy(update={"outputs": tuple(outputs), "files": files})
        new = new.model_copy(update={"facts": blanked_value(new.facts, self.finder)})
        if not by_row:
            new = kept(new, changes)
        if new != manifest:
            replace_manifest(self.lake, manifest, new)
            self.done(f"manifest of {manifest.step} {manifest.shard}")
        self._remove_old(manifest.outputs, tuple(outputs))

    def _lost_inputs(self, manifest: Manifest) -> bool:
        return any(self.journal.changes.digest(entry.digest) != entry.digest for entry in manifest.inputs)

    def _remove(self, manifest: Manifest) -> None:
        """An output that nothing depends on, the manifest first."""
        self.lake.manifest_path(manifest.step, manifest.shard, manifest.key).unlink(missing_ok=True)
        for ref in manifest.files:
            shutil.rmtree(self.lake.files_path(ref), ignore_errors=True)
            self.journal.record.append(
                {"what": f"files/{ref.name}", "shard": ref.shard, "before": ref.digest, "after": ""}
            )
        self.done(f"removed {manifest.step} {manifest.shard}")

    def _fates(self, manifest: Manifest) -> dict[str, list[dict[str, Any]]]:
        """By shard the rows that the records of an ingest leave in ``set_aside``."""
        found: dict[str, list[dict[str, Any]]] = {}
        for ref in manifest.outputs:
            path = self.lake.path(ref)
            if ref.table == Records.name and path.is_file():
                found[ref.shard] = taken_records(path, self.barred)
        return found

    def table(self, ref: Ref, key: str, more: list[dict[str, Any]] | None = None) -> Ref:
        """What stands for a table's file: itself, what the journal says, or new content under ``key``.

        ``more``: rows to add. The old file stays until nothing names it.
        """
        known = self.journal.changes.ref(ref)
        path = self.lake.path(ref)
        if known != ref or not path.is_file():
            return known
        rows = new_content(path, ref.table, self.barred, self.finder)
        if more:
            base = rows if rows is not None else self.lake.read(ref)
            rows = pa.concat_tables([base, pa.Table.from_pylist(more, schema=base.schema)])
        if rows is None:
            return ref
        new = self._write(ref, key, rows)
        self.journal.changed(ref, new)
        self.done(f"table {ref.table} {ref.shard}")
        return new

    def _write(self, ref: Ref, key: str, rows: pa.Table) -> Ref:
        """As a step writes it; a file of another version's columns keeps them."""
        table = TABLES.get(ref.table)
        if table is not None and table.schema.names == rows.column_names:
            return self.lake.write_table(table, ref.shard, key, rows)
        new = ref.model_copy(update={"key": key, "rows": rows.num_rows})
        with self.lake.temporary() as folder:
            part = folder / "part.parquet"
            write_rows(rows, part)
            new = new.model_copy(update={"bytes": part.stat().st_size, "digest": digest_file(part)})
            publish(part, self.lake.path(new))
        return new

    def files(self, ref: FilesRef) -> FilesRef:
        """What stands for a folder, whose files are changed where they stand."""
        known = self.journal.changes.files(ref)
        folder = self.lake.files_path(ref)
        if known != ref or not folder.is_dir():
            return known
        place = folder.relative_to(self.lake.root).as_posix()
        changed = change_folder(folder, ref.name, self.barred, self.finder, lambda: self.journal.begins(place))
        if not changed and place not in self.journal.begun:
            return ref
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        new = ref.model_copy(update={"bytes": size, "digest": digest_folder(folder)})
        self.journal.changed(ref, new)
        self.done(f"files {ref.name} {ref.shard}")
        return new

    def _remove_old(self, old: tuple[Ref, ...], new: tuple[Ref, ...]) -> None:
        for before, after in zip(old, new, strict=True):
            if place_of(before) != place_of(after):
                self.lake.path(before).unlink(missing_ok=True)
                self.done(f"removed {before.table} {before.shard}")

    # -- datasets -----------------------------------------------------------------------------------------------

    def dataset(self, path: Path) -> None:
        """One dataset: the new one, the pointer to it, and the old one goes."""
        kind, name, key = path.parent.parent.name, path.parent.name, path.stem
        old = Dataset.model_validate_json(path.read_bytes())
        new = self._new(old)
        pointer = self.lake.root / "catalog" / kind / f"{name}.json"
        if new != old:
            place = path.with_name(f"{new.key}.json")
            self.lake.write_json(place, new.model_dump(mode="json"))
            self.journal.renamed(key, new.key)
            self.done(f"dataset {kind} {name}")
            if pointer.is_file() and pointed_key(pointer) == key:
                self.lake.write_json(pointer, {"key": new.key})
                self.done(f"pointer {kind} {name}")
            path.unlink()
            self.done(f"removed dataset {kind} {name}")
        for tables in old.tables.values():
            self._remove_old(tables, tuple(self.journal.changes.ref(ref) for ref in tables))

    def _new(self, old: Dataset) -> Dataset:
        changes = self.journal.changes
        tables = {name: tuple(changes.ref(ref) for ref in refs) for name, refs in old.tables.items()}
        files = {name: tuple(changes.files(ref) for ref in refs) for name, refs in old.files.items()}
        config = blanked_value(_replaced(old.config, self.journal.datasets), self.finder)
        counts = blanked_value(old.counts, self.finder)
        # An earlier version may have had other stages: its funnel cannot be counted with those of this one.
        stages = [stage["stage"] for stage in old.counts.get("stages", ())]
        if old.kind == "curation" and tables != old.tables and stages == list(StageName):
            counts = counts | self._counts(tables)
        return old.model_copy(update={"tables": tables, "files": files, "config": config, "counts": counts})

    def _counts(self, tables: dict[str, tuple[Ref, ...]]) -> dict[str, Any]:
        """The funnel of a curation, counted again; nothing where ``gc`` has removed some of its files.

        Raises :class:`gristmill.core.errors.GristmillError` when a record has no fate or two (law 1).
        """
        paths = {table.name: [self.lake.path(ref) for ref in tables.get(table.name, ())] for table in LEDGER}
        if not all(path.is_file() for some in paths.values() for path in some):
            return {}
        return summary(funnel(LedgerFiles(**paths)))


def ordered(lake: Lake) -> Iterator[Manifest]:
    """Every manifest that can be read, each after those of its inputs."""
    manifests = []
    for path in sorted((lake.root / "data" / "manifests").rglob("*.json")):
        try:
            manifests.append(Manifest.model_validate_json(path.read_bytes()))
        except ValueError:
            continue  # ``gristmill verify`` says so; what it names is searched like any other file
    makers: dict[str, int] = {}
    for number, manifest in enumerate(manifests):
        made: list[Ref | FilesRef] = [*manifest.outputs, *manifest.files]
        for ref in made:
            makers.setdefault(ref.digest, number)
    state: dict[int, int] = {}
    for first in range(len(manifests)):
        waiting = [first]
        while waiting:
            number = waiting[-1]
            if state.get(number) == 2:
                waiting.pop()
                continue
            if state.get(number) == 1:
                state[number] = 2
                waiting.pop()
                yield manifests[number]
                continue
            state[number] = 1
            before = {makers[entry.digest] for entry in manifests[number].inputs if entry.digest in makers}
            waiting += sorted(other for other in before if other not in state)


def _replaced(value: Any, names: dict[str, str]) -> Any:
    """A JSON value with the keys of datasets that have another one now."""
    if isinstance(value, str):
        while value in names:
            value = names[value]
        return value
    if isinstance(value, dict):
        return {name: _replaced(part, names) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_replaced(part, names) for part in value)
    return value
