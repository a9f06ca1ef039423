"""Check every file that the lake's manifests and datasets name against its recorded digest.

A lake has four kinds of files under ``data/`` and ``catalog/``: manifests, outputs, datasets and pointers to the
current ones. A manifest must name the step, shard and key that its path says, and hash to that key; an output must have
the digest of its manifest; a dataset must hash to its name; a pointer must name a dataset that is there. What no
manifest and no dataset names is not damage (``gristmill gc``). The warehouse is not checked: it can be rebuilt.

Nothing is repaired here. A damaged file and its manifest are moved to ``damaged/``, so that its output is no longer
cached and the next run rebuilds it. Cost: reads every file once, as fast as the disk gives it; a manifest takes about
0.2 ms.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gristmill.core.digests import canonical_json, digest_file, digest_folder
from gristmill.core.errors import GONE, OTHER, DamageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef, Manifest, Ref, output_key, pointed_key
from gristmill.flows.upkeep.lock import refuse_unfinished

READERS = 4
# Steps whose key is that of their job (gristmill.core.steps.files.JobStep).
KEYED_BY_JOB = frozenset({"train"})
UNREADABLE = "it cannot be read"


Place = tuple[str, str]
"""Shard and digest: what a manifest says of an input."""


@dataclass(frozen=True)
class Damage:
    """A damaged file or folder, relative to the lake: what is wrong, who made it, and which current datasets need it.

    A dataset needs what it names, and what that was made from if no other dataset names it.
    ``moved_to`` is where it is now; None when it was left where it is, or is gone.
    """

    path: str
    fault: str
    made_by: str
    needed_by: tuple[str, ...]
    moved_to: str | None = None


@dataclass(frozen=True)
class Checked:
    """What was checked, and what was found."""

    files: int
    bytes: int
    damaged: tuple[Damage, ...]

    def as_json(self) -> dict[str, Any]:
        """The result as the command line prints it."""
        return {"files": self.files, "bytes": self.bytes, "damaged": [asdict(entry) for entry in self.damaged]}


@dataclass(frozen=True)
class Output:
    """A file or folder to be read, with the digest it must have."""

    path: Path
    digest: str
    bytes: int
    made_by: str
    manifest: Path | None


@dataclass(frozen=True)
class Inventory:
    """What the lake says it holds: outputs by path, who needs them, and what was already found wrong."""

    outputs: dict[Path, Output]
    needed_by: dict[Path, list[str]]
    faults: list[tuple[Path, str, str]]
    described: int  # manifests, datasets and pointers read
    described_bytes: int

    @property
    def bytes(self) -> int:
        """Of all outputs."""
        return sum(output.bytes for output in self.outputs.values())


def take_inventory(lake: Lake) -> Inventory:
    """Read every manifest, dataset and pointer.

    Raises :class:`gristmill.core.errors.GristmillError` while a takedown waits to be finished.
    """
    refuse_unfinished(lake)
    found = Inventory({}, {}, [], 0, 0)
    described = size = 0
    made_of: dict[Place, set[Place]] = {}
    for path in sorted((lake.root / "data" / "manifests").rglob("*.json")):
        described, size = described + 1, size + path.stat().st_size
        manifest = _manifest(lake, path)
        if manifest is None:
            found.faults.append((path, UNREADABLE, f"step {path.parent.parent.name}"))
            continue
        refs: list[Ref | FilesRef] = [*manifest.outputs, *manifest.files]
        for ref in refs:
            _expect(found, lake, ref, f"step {manifest.step}", path)
            made_of[ref.shard, ref.digest] = {(entry.shard, entry.digest) for entry in manifest.inputs}
    datasets: dict[Path, Dataset] = {}
    for path in sorted((lake.root / "data" / "datasets").rglob("*.json")):
        described, size = described + 1, size + path.stat().st_size
        dataset = _dataset(path)
        if dataset is None:
            found.faults.append((path, UNREADABLE, f"{path.parent.parent.name} {path.parent.name}"))
        else:
            datasets[path] = dataset
    current = set(_current(lake, found, datasets))
    for path, dataset in datasets.items():
        name = f"{dataset.kind} {dataset.name}"
        for ref in _refs(dataset):
            place = _place(lake, ref)
            known = found.outputs.get(place)
            if known is None:
                _expect(found, lake, ref, name)
            elif path in current and known.digest != ref.digest:
                found.faults.append((path, f"it names another content of {place.name}", name))
            if path in current:
                found.needed_by.setdefault(place, []).append(name)
    _trace(found, [datasets[path] for path in sorted(current)], made_of)
    pointers = [path.stat().st_size for path in (lake.root / "catalog").rglob("*.json")]
    return Inventory(found.outputs, found.needed_by, found.faults, described + len(pointers), size + sum(pointers))


def verify(lake: Lake, *, move: bool = True, advance: Callable[[int], None] = lambda _: None) -> Checked:
    """Check the lake; ``advance`` gets the bytes read since its last call. With ``move`` damage is moved aside.

    Raises :class:`gristmill.core.errors.GristmillError` when the folder may not be written.
    """
    return check(lake, take_inventory(lake), move=move, advance=advance)


def check(lake: Lake, found: Inventory, *, move: bool, advance: Callable[[int], None]) -> Checked:
    """Read every output of an inventory; see :func:`verify`."""
    faults = list(found.faults)
    with ThreadPoolExecutor(READERS) as pool:
        outputs = list(found.outputs.values())
        for output, fault in zip(outputs, pool.map(_fault, outputs), strict=True):
            advance(output.bytes)
            if fault:
                faults.append((output.path, fault, output.made_by))
    damaged = []
    manifests = {output.path: output.manifest for output in outputs}
    for path, fault, made_by in sorted(faults, key=lambda entry: str(entry[0])):
        moved = lake.move_aside(path) if move else None
        manifest = manifests.get(path)
        if move and manifest is not None:
            lake.move_aside(manifest)
        damaged.append(
            Damage(
                path.relative_to(lake.root).as_posix(),
                fault,
                made_by,
                tuple(sorted(set(found.needed_by.get(path, ())))),
                None if moved is None else moved.relative_to(lake.root).as_posix(),
            )
        )
    return Checked(found.described + len(found.outputs), found.described_bytes + found.bytes, tuple(damaged))


def _fault(output: Output) -> str:
    """What is wrong with an output; empty when it is as it was written."""
    try:
        if output.path.is_dir():
            digest = digest_folder(output.path)
        else:
            size = output.path.stat().st_size
            if size != output.bytes:
                return f"it has {size:,} of {output.bytes:,} bytes"
            digest = digest_file(output.path)
    except FileNotFoundError:
        return GONE
    except OSError as error:
        return f"the disk does not give it: {error.strerror or error}"
    return "" if digest == output.digest else OTHER


def _manifest(lake: Lake, path: Path) -> Manifest | None:
    """The manifest at ``path``; None when it cannot be read or is not the one that its path says."""
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    if lake.manifest_path(manifest.step, manifest.shard, manifest.key) != path:
        return None
    key = output_key(manifest.step, manifest.version, manifest.config, manifest.inputs)
    return manifest if key == manifest.key or manifest.step in KEYED_BY_JOB else None


def _dataset(path: Path) -> Dataset | None:
    """The dataset at ``path``; None when it cannot be read or does not hash to its name."""
    try:
        content = path.read_bytes()
        dataset = Dataset.model_validate_json(content)
    except (OSError, ValidationError):
        return None
    same = canonical_json(json.loads(content)) == content.rstrip(b"\n")
    return dataset if same and dataset.key == path.stem else None


def _current(lake: Lake, found: Inventory, datasets: dict[Path, Dataset]) -> Iterator[Path]:
    """The files of the current datasets. A pointer to nothing goes into ``found.faults``."""
    for pointer in sorted((lake.root / "catalog").rglob("*.json")):
        kind, name = pointer.parent.name, pointer.stem
        folder = lake.root / "data" / "datasets" / kind / name
        try:
            path = folder / f"{pointed_key(pointer)}.json"
        except DamageError as error:
            found.faults.append((pointer, error.fault, f"{kind} {name}"))
            continue
        except OSError:
            found.faults.append((pointer, UNREADABLE, f"{kind} {name}"))
            continue
        if path in datasets:
            yield path
        elif not path.exists():
            found.faults.append((pointer, "it names a dataset that is gone", f"{kind} {name}"))


def _refs(dataset: Dataset) -> Iterator[Ref | FilesRef]:
    for tables in dataset.tables.values():
        yield from tables
    for files in dataset.files.values():
        yield from files


def _trace(found: Inventory, current: list[Dataset], made_of: dict[Place, set[Place]]) -> None:
    """Add to ``needed_by`` what no dataset names and one that is current was made of, such as bands."""
    named = {(ref.shard, ref.digest) for dataset in current for ref in _refs(dataset)}
    needed: dict[Place, list[str]] = {}
    for dataset in current:
        waiting = [(ref.shard, ref.digest) for ref in _refs(dataset)]
        reached: set[Place] = set()
        while waiting:
            before = made_of.get(waiting.pop(), set()) - named - reached
            reached |= before
            waiting += before
        for place in reached:
            needed.setdefault(place, []).append(f"{dataset.kind} {dataset.name}")
    for path, output in found.outputs.items():
        if path not in found.needed_by and (names := needed.get((path.parent.name, output.digest))):
            found.needed_by[path] = names


def _place(lake: Lake, ref: Ref | FilesRef) -> Path:
    return lake.path(ref) if isinstance(ref, Ref) else lake.files_path(ref)


def _expect(found: Inventory, lake: Lake, ref: Ref | FilesRef, made_by: str, manifest: Path | None = None) -> None:
    path = _place(lake, ref)
    found.outputs[path] = Output(path, ref.digest, ref.bytes, made_by, manifest)
