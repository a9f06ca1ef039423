"""``current/``: one path that is always the current curations, for readers that do not know keys and datasets.

::

    current -> views/<digest>
    views/<digest>/<table>/<source>/<shard>-<key>.parquet -> the file under data/tables

``data/tables`` holds the files of every run, so a glob over it reads earlier curations beside the current one. Under
``current`` there are only the files that the current datasets name. A view is a folder of relative links that is never
changed; a new one is swapped in by one rename, so a reader finds the old or the new, and a lake may be moved or copied
(with its links). Folders are real and only files and ``current`` itself are links, because most globs do not follow
links to folders. Old views stay until ``gristmill gc``, for readers that have begun.

Cost: a link for every file of these tables, about 20 us each, when a dataset has changed; else a look at the catalog.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gristmill.core.digests import digest_json
from gristmill.core.files.atomic import fsync
from gristmill.core.files.locks import locked
from gristmill.core.files.os_errors import translate_os_errors
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, pointed_key
from gristmill.schemas.tables import Curated, Documents, SetAside, Verdicts

CURRENT, VIEWS = "current", "views"
KIND = "curation"
#: What people read outside Gristmill.
SHOWN = (Curated, Documents, SetAside, Verdicts)


def renew_current(lake: Lake) -> Path:
    """Make ``current`` show what the catalog names now. Returns the view. Does nothing when it already does.

    Raises :class:`gristmill.core.errors.GristmillError` when the lake cannot be written.
    """
    with translate_os_errors(lake.root), _alone(lake):
        _drop_copies(lake)
        pointers = sorted((lake.root / "catalog" / KIND).glob("*.json"))
        view = lake.root / VIEWS / digest_json([[path.stem, pointed_key(path)] for path in pointers])[:16]
        if not view.is_dir():
            _build(lake, lake.datasets(KIND), view)
        _point(lake, view)
    return view


def current_view(lake: Lake) -> Path | None:
    """The view that ``current`` names; None when there is none."""
    link = lake.root / CURRENT
    return Path(os.path.realpath(link)) if link.is_symlink() else None


def _drop_copies(lake: Lake) -> None:
    """In a lake that was copied without its links, remove the copied files in their place, which it has anyway."""
    link = lake.root / CURRENT
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
        for view in (lake.root / VIEWS).iterdir():
            if view.is_dir():
                shutil.rmtree(view)


def _build(lake: Lake, datasets: list[Dataset], view: Path) -> None:
    with lake.temporary() as scratch:
        made = scratch / view.name
        made.mkdir()
        for table in SHOWN:
            for dataset in datasets:
                folder = made / table.name / dataset.name
                folder.mkdir(parents=True)
                up = Path(*[".."] * len(view.relative_to(lake.root).parts), *[".."] * 2)
                for ref in dataset.tables.get(table.name, ()):
                    (folder / f"{ref.shard}-{ref.key}.parquet").symlink_to(up / lake.path(ref).relative_to(lake.root))
        view.parent.mkdir(exist_ok=True)
        made.rename(view)
        fsync(view.parent)


def _point(lake: Lake, view: Path) -> None:
    """Make ``current`` name ``view`` by renaming a new link over the old one."""
    target = view.relative_to(lake.root)
    link = lake.root / CURRENT
    if link.is_symlink() and link.readlink() == target:
        return
    with lake.temporary() as scratch:
        made = scratch / CURRENT
        made.symlink_to(target)
        made.replace(link)
    fsync(lake.root)


@contextmanager
def _alone(lake: Lake) -> Iterator[None]:
    """One process renews at a time, so the last one has read the newest catalog."""
    folder = lake.root / VIEWS
    folder.mkdir(exist_ok=True)
    with locked(folder / ".lock"):
        yield
