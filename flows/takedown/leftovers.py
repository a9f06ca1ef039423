"""Everything in a lake besides its data: stored answers, logs, reviews, Prefect, stored crawls, and what was set aside.

Of files of text and of databases the needles go; what nothing needs (damaged files, unfinished downloads, temporary
files, outputs that no manifest names) goes whole where it may hold something. Each can be done twice.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from gristmill.core.files.locks import locked
from gristmill.core.lake import DAMAGED, Lake
from gristmill.core.processes import parse
from gristmill.core.steps.kinds import DOWNLOADS
from gristmill.evals.generation.responses import rewrite_segment
from gristmill.flows.takedown.archives import blank_warc
from gristmill.flows.takedown.contents import blanked_bytes, new_content
from gristmill.flows.takedown.databases import blank_database, is_sqlite
from gristmill.flows.takedown.folders import blank_file, change_folder, change_lines
from gristmill.flows.takedown.journal import FOLDER
from gristmill.flows.takedown.named import named_outputs, read_manifest
from gristmill.flows.takedown.proof.needles import Finder
from gristmill.flows.takedown.proof.search import walk
from gristmill.tasks.ingest.barred import Barred
from gristmill.warehouse.reviews.store import FOLDER as REVIEWS

DERIVED = frozenset({"data", "catalog", "warehouse", "views", "current", FOLDER, "lake.json"})
"""What other parts of a takedown rewrite or make again."""
DISPOSABLE = (DAMAGED, DOWNLOADS)
RESPONSES = "responses"
LARGEST_TEXT = 1 << 30


def clean(lake: Lake, barred: Barred, finder: Finder, done: Callable[[str], None]) -> None:
    """Take what was taken down out of everything that is no data of the lake."""
    for name in DISPOSABLE:
        if (lake.root / name).exists():
            shutil.rmtree(lake.root / name)
            done(name)
    for folder in (lake.root / "tmp").glob("*"):
        writer = parse(folder.name)
        if writer is None or not writer.is_alive():
            shutil.rmtree(folder, ignore_errors=True)
    remove_unnamed(lake, barred, finder, done)
    clean_reviews(lake, barred, finder, done)
    for entry in sorted(lake.root.iterdir()):
        if entry.name in DERIVED or entry.name in ("tmp", REVIEWS):
            continue
        for path in walk(entry):
            if not path.is_symlink():
                clean_file(path, lake, barred, finder, done)


def clean_reviews(lake: Lake, barred: Barred, finder: Finder, done: Callable[[str], None]) -> None:
    """Take out the decisions about documents that were taken down; nobody decides meanwhile."""
    folder = lake.root / REVIEWS
    if folder.is_dir():
        with locked(folder / ".lock"):
            for path in walk(folder):
                clean_file(path, lake, barred, finder, done)


def clean_file(path: Path, lake: Lake, barred: Barred, finder: Finder, done: Callable[[str], None]) -> None:
    """One file, by what it is. Weights and other files that are neither text nor a database stay as they are."""
    place = path.relative_to(lake.root)
    if path.name.endswith(("-wal", "-shm")) or path.suffix == ".safetensors":
        return
    if path.name.endswith(".warc.gz"):
        blank_warc(path, barred, finder, done)
    elif is_sqlite(path):
        blank_database(path, finder, done)
    elif place.parts[0] == RESPONSES and path.suffix == ".jsonl":
        if finder(path.read_bytes()):
            rewrite_segment(path, lambda text: blanked_bytes(text.encode(), finder).decode("utf-8", "replace"))
            done(f"answers {place}")
    elif path.stat().st_size <= LARGEST_TEXT and _is_text(path):
        changed = path.suffix == ".jsonl" and change_lines(path, barred, lambda: None)
        if blank_file(path, finder) or changed:
            done(f"file {place}")


def _is_text(path: Path) -> bool:
    """Whether the beginning of a file is text."""
    with path.open("rb") as file:
        return b"\0" not in file.read(4096)


def remove_unnamed(lake: Lake, barred: Barred, finder: Finder, done: Callable[[str], None]) -> None:
    """Remove outputs that no manifest and no dataset names, where they hold something: of runs that were killed."""
    for path in (lake.root / "data" / "manifests").rglob("*.json"):
        if read_manifest(path) is None:
            path.unlink()  # cut off or damaged, so it makes nothing visible, and may hold anything
            done(f"damaged manifest {path.parent.name}")
    named = named_outputs(lake)
    tables = lake.root / "data" / "tables"
    for path in sorted(tables.rglob("*.parquet")):
        if path not in named and _holds(path, path.parent.parent.relative_to(tables).as_posix(), barred, finder):
            path.unlink()
            done(f"unnamed {path.parent.name}")
    for folder in sorted((lake.root / "data" / "files").glob("*/*/*")):
        if folder not in named and folder.is_dir():
            change_folder(folder, folder.parent.parent.name, barred, finder, lambda: None)


def _holds(path: Path, table: str, barred: Barred, finder: Finder) -> bool:
    """Whether a file holds something of what was taken down; one that cannot be read may."""
    try:
        return new_content(path, table, barred, finder) is not None
    except Exception:  # whatever a damaged file makes its reader raise: nothing names it, so it goes
        return True
