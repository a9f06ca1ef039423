"""Finding and removing what nothing in a lake refers to any more (``gristmill gc``).

The files that a dataset names are kept, and so is everything they were made from, by their manifests, back to the
records: so a repeated run finds everything cached. Datasets are the recorded runs; all of them count, current and
earlier. What can be removed:

* ``damaged``: what ``verify`` moved aside;
* ``views``: old views behind ``current/`` (``gristmill.flows.upkeep.current``);
* ``unfinished``: outputs that lead to no dataset, of runs that were killed, stopped or tried with ``--part``, once they
  are a week old, because such a run is usually resumed;
* ``earlier``, only when asked for: curations that are no longer current, with what only they need. One that a mix
  was made from stays whole, because it says what a model was trained on.

Nothing is removed while a run is under way: runs hold a shared lock, and the removal an exclusive one.
Cost: reads every manifest and dataset once, about 0.2 ms each.
"""

import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.core.files.os_errors import translate_os_errors
from gristmill.core.lake import DAMAGED, Lake
from gristmill.core.manifest import Dataset, FilesRef, Manifest, Ref, pointed_key
from gristmill.flows.upkeep.alone import alone
from gristmill.flows.upkeep.current import VIEWS, current_view
from gristmill.flows.upkeep.lock import refuse_unfinished
from gristmill.schemas.tables import Curated

UNFINISHED_SECONDS = 7 * 86_400
#: Kinds whose earlier datasets may be removed; each dataset of another kind is a result of its own.
REPLACED = ("curation", "gates", "trial_reuse")
HINT = "Run gristmill gc when that has ended."
DAMAGED_FILES, OLD_VIEWS, UNFINISHED, EARLIER = "damaged", "views", "unfinished", "earlier"


@dataclass(frozen=True)
class Garbage:
    """Files and folders that can be removed, with their bytes, and what an option would add."""

    found: dict[str, dict[Path, int]]
    kept_unfinished: int
    kept_earlier: int

    def as_json(self, removed: bool) -> dict[str, Any]:
        """The result as the command line prints it."""
        return {
            "removed": removed,
            "bytes": sum(sum(paths.values()) for paths in self.found.values()),
            **{name: {"files": len(paths), "bytes": sum(paths.values())} for name, paths in self.found.items()},
            "kept": {"unfinished_bytes": self.kept_unfinished, "earlier_bytes": self.kept_earlier},
        }


@dataclass(frozen=True)
class _Graph:
    """Manifests by their own path and by the paths of their outputs, and paths of outputs by digest."""

    manifests: dict[Path, Manifest]
    maker: dict[Path, Path]
    by_digest: dict[str, list[Path]]

    def closure(self, lake: Lake, outputs: Iterable[Path]) -> set[Path]:
        """``outputs`` and all that they were made of: paths of outputs and manifests."""
        reached: set[Path] = set()
        waiting = list(outputs)
        while waiting:
            path = waiting.pop()
            if path in reached:
                continue
            reached.add(path)
            manifest_path = self.maker.get(path)
            if manifest_path is None or manifest_path in reached:
                continue
            reached.add(manifest_path)
            manifest = self.manifests[manifest_path]
            waiting += _outputs(lake, manifest)
            for entry in manifest.inputs:
                waiting += self.by_digest.get(entry.digest, ())
        return reached


def find_garbage(lake: Lake, *, earlier: bool = False, unfinished: bool = False, now: float | None = None) -> Garbage:
    """What can be removed. ``earlier``: also curations that are not current; ``unfinished``: whatever its age.

    Raises :class:`gristmill.core.errors.DamageError` for a dataset or pointer that cannot be read: ``gristmill verify``
    first.
    """
    graph = _graph(lake)
    datasets = dict(_datasets(lake))
    current = _current(lake) & set(datasets)
    named = {path: list(_named(lake, dataset)) for path, dataset in datasets.items()}
    needed = graph.closure(lake, (place for places in named.values() for place in places)) | set(datasets)
    fewer = _without_earlier(lake, graph, datasets, named, current)
    inside = [*graph.manifests, *_files(lake)]
    moment = time.time() if now is None else now
    idle = {path: _size(path) for path in inside if path not in needed}
    old = {path: size for path, size in idle.items() if unfinished or moment - _changed(path) > UNFINISHED_SECONDS}
    gone = {path: _size(path) for path in (*inside, *datasets) if path in needed and path not in fewer}
    view = current_view(lake)
    views = [path for path in _children(lake.root / VIEWS) if path.is_dir() and path != view]
    found = {
        DAMAGED_FILES: {path: _size(path) for path in _children(lake.root / DAMAGED)},
        OLD_VIEWS: dict.fromkeys(views, 0),
        UNFINISHED: old,
        EARLIER: gone if earlier else {},
    }
    return Garbage(found, sum(idle.values()) - sum(old.values()), 0 if earlier else sum(gone.values()))


def collect(lake: Lake, *, earlier: bool = False, unfinished: bool = False) -> Garbage:
    """Remove what :func:`find_garbage` finds.

    Raises :class:`gristmill.core.errors.GristmillError` while a run uses the lake, and when it cannot be written.
    """
    with alone(lake, HINT), translate_os_errors(lake.root):
        refuse_unfinished(lake)
        garbage = find_garbage(lake, earlier=earlier, unfinished=unfinished)
        paths = [path for found in garbage.found.values() for path in found]
        # what makes a file visible is removed first, so that nothing visible is ever incomplete
        for path in sorted(paths, key=lambda path: (path.suffix != ".json", str(path))):
            _remove(path, lake.root)
    return garbage


def _without_earlier(
    lake: Lake, graph: _Graph, datasets: dict[Path, Dataset], named: dict[Path, list[Path]], current: set[Path]
) -> set[Path]:
    """What is needed when earlier curations are dropped, but for those that something else was made of."""
    standing = {path for path, dataset in datasets.items() if path in current or dataset.kind not in REPLACED}
    others = graph.closure(lake, (place for path in standing - current for place in named[path])) | graph.closure(
        lake, (place for path in current if datasets[path].kind not in REPLACED for place in named[path])
    )
    shown = {place for path in current for place in named[path]}
    for path, dataset in datasets.items():
        curated = {lake.path(ref) for ref in dataset.tables.get(Curated.name, ())}
        if dataset.kind in REPLACED and curated & others - shown:
            standing.add(path)
    return graph.closure(lake, (place for path in standing for place in named[path])) | standing


def _graph(lake: Lake) -> _Graph:
    graph = _Graph({}, {}, {})
    for path in sorted((lake.root / "data" / "manifests").rglob("*.json")):
        manifest = lake.manifest(path.parent.parent.name, path.parent.name, path.stem)
        if manifest is None:
            continue  # half a manifest, or one whose files are gone, is found again by ``verify``
        graph.manifests[path] = manifest
        refs: list[Ref | FilesRef] = [*manifest.outputs, *manifest.files]
        for ref in refs:
            place = _place(lake, ref)
            graph.maker[place] = path
            graph.by_digest.setdefault(ref.digest, []).append(place)
    return graph


def _datasets(lake: Lake) -> Iterator[tuple[Path, Dataset]]:
    for path in sorted((lake.root / "data" / "datasets").rglob("*.json")):
        dataset = lake.dataset(path.parent.parent.name, path.parent.name, path.stem)
        if dataset is not None:
            yield path, dataset


def _current(lake: Lake) -> set[Path]:
    """The files of the current datasets."""
    folder = lake.root / "data" / "datasets"
    return {
        folder / pointer.parent.name / pointer.stem / f"{pointed_key(pointer)}.json"
        for pointer in (lake.root / "catalog").rglob("*.json")
    }


def _files(lake: Lake) -> Iterator[Path]:
    """Every output of the lake: Parquet files, and folders of files."""
    yield from sorted((lake.root / "data" / "tables").rglob("*.parquet"))
    yield from sorted(path for path in (lake.root / "data" / "files").glob("*/*/*") if path.is_dir())


def _outputs(lake: Lake, manifest: Manifest) -> list[Path]:
    return [*(lake.path(ref) for ref in manifest.outputs), *(lake.files_path(ref) for ref in manifest.files)]


def _named(lake: Lake, dataset: Dataset) -> Iterator[Path]:
    for tables in dataset.tables.values():
        yield from (lake.path(ref) for ref in tables)
    for files in dataset.files.values():
        yield from (lake.files_path(ref) for ref in files)


def _place(lake: Lake, ref: Ref | FilesRef) -> Path:
    return lake.path(ref) if isinstance(ref, Ref) else lake.files_path(ref)


def _children(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _size(path: Path) -> int:
    if path.is_dir() and not path.is_symlink():
        return sum(file.lstat().st_size for file in path.rglob("*") if file.is_file())
    return path.lstat().st_size if path.exists() else 0


def _changed(path: Path) -> float:
    return path.lstat().st_mtime


def _remove(path: Path, root: Path) -> None:
    """Remove a file or folder, and the folders above it that are empty then."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    folder = path.parent
    while folder != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
