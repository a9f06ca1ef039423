"""Build a new version of the warehouse and make it current, without disturbing readers and without losing a row.

One builder at a time, under ``flock`` (the kernel frees it when a builder dies): fill
``warehouse-<version>.duckdb.tmp``, checkpoint, close, make sure that no write-ahead log is left, fsync, rename, and
swap the link ``CURRENT`` with one ``rename``. A version is never written to again. Old versions stay while a reader may
still open them: the newest ``KEEP`` always, the others for ``GRACE_SECONDS``. Even if the builder is killed, CURRENT
names a complete version. Cost: see :mod:`gristmill.warehouse.build.load`; nothing when neither the lake's catalog nor
its log has changed. If only the log has, as after a run in which everything was cached, the new version is a copy of
the current one with the log loaded again.
"""

import errno
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version as installed_version
from pathlib import Path

import duckdb

from gristmill.core.digests import digest_file, digest_json
from gristmill.core.errors import DamageError, GristmillError
from gristmill.core.files.atomic import fsync
from gristmill.core.files.locks import locked
from gristmill.core.files.os_errors import translate_os_errors
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.warehouse.build.blank import blank
from gristmill.warehouse.build.load import current_datasets, fill, fill_log, log_files, stamp
from gristmill.warehouse.build.migrate import Migration, pending, read_migrations, read_sql
from gristmill.warehouse.build.tables import create_tables
from gristmill.warehouse.connection import CURRENT, FOLDER, Warehouse

MIGRATIONS = Path(__file__).parents[1] / "sql" / "migrations"
VIEWS = Path(__file__).parents[1] / "sql" / "views"
KEEP = 10
GRACE_SECONDS = 600.0
MEMORY = "2GB"
Loaded = tuple[dict[str, int], list[str]]  # rows by table, log files that could not be read
VERSION_FILE = re.compile(r"warehouse-(\d{6})-[0-9a-f]{12}\.duckdb")


@dataclass(frozen=True)
class Published:
    """The current version after a publish. ``built`` is false when it was already up to date."""

    path: Path
    version: str
    seconds: float
    rows: dict[str, int]
    built: bool
    unreadable: list[str] = field(default_factory=list)


def publish(lake: Lake, *, keep: int = KEEP, grace_seconds: float = GRACE_SECONDS, memory: str = MEMORY) -> Published:
    """Publish the lake's current contents, unless the current version already has them.

    Raises :class:`GristmillError` when a published migration was changed later, when a file of the lake is missing or
    damaged, and when the disk is full; the current version then stays as it is.
    """
    return _publish(lake, False, keep, grace_seconds, memory)


def rebuild(lake: Lake, *, keep: int = KEEP, grace_seconds: float = GRACE_SECONDS, memory: str = MEMORY) -> Published:
    """Build a new version from the lake alone, ignoring the current one. Raises as :func:`publish`."""
    return _publish(lake, True, keep, grace_seconds, memory)


@dataclass(frozen=True)
class _Current:
    """The current version: its file, and the digests of everything it was made from and of all of that but the log."""

    path: Path
    version: str
    digest: str
    data_digest: str


def data_digest(datasets: list[Dataset], scripts: list[Migration]) -> str:
    """Digest of what all tables but the log's are made from: the datasets, the SQL and the versions that load them."""
    return digest_json(
        {
            "made by": [installed_version("gristmill"), duckdb.__version__],
            "datasets": [[dataset.kind, dataset.name, dataset.key] for dataset in datasets],
            "sql": [[script.name, script.digest] for script in scripts],
        }
    )


def content_digest(lake: Lake, data: str) -> str:
    """Digest of everything a version is made from: ``data``, from :func:`data_digest`, and the log."""
    return digest_json(
        {
            "data": data,
            "runs": [[path.name, digest_file(path)] for path in log_files(lake, "runs")],
            "costs": [[path.name, path.stat().st_size] for path in log_files(lake, "costs")],
            "asking": [[path.name, digest_file(path)] for path in log_files(lake, "asking")],
            "training": [[path.name, digest_file(path)] for path in log_files(lake, "training_costs")],
        }
    )


def _publish(lake: Lake, force: bool, keep: int, grace_seconds: float, memory: str) -> Published:
    started = time.perf_counter()
    folder = lake.root / FOLDER
    with translate_os_errors(lake.root):
        folder.mkdir(exist_ok=True)
        with locked(folder / "lock"):
            _remove_unfinished(folder)
            migrations, views = read_migrations(MIGRATIONS), read_sql(VIEWS)
            datasets = current_datasets(lake)
            data = data_digest(datasets, [Migration(0, "000_tables", create_tables()), *migrations, *views])
            digest = content_digest(lake, data)
            current = None if force else _current(lake, migrations)
            if current and current.digest == digest:
                return Published(current.path, current.version, time.perf_counter() - started, {}, False)
            base = current.path if current and current.data_digest == data else None
            version = f"{_last_number(folder) + 1:06d}-{digest[:12]}"
            target = folder / f"warehouse-{version}.duckdb"

            def load(connection: duckdb.DuckDBPyConnection) -> Loaded:
                loaded = fill_log(connection, lake) if base else fill(connection, lake, datasets, views)
                stamp(connection, version, digest, data)
                return loaded

            with _disk_errors():
                start = base or blank(tuple(migrations))
                rows, unreadable = _build(target, start, load, memory)
            _point(folder, target)
            _collect(folder, target, keep, grace_seconds)
    return Published(target, version, time.perf_counter() - started, rows, True, unreadable)


def _current(lake: Lake, migrations: list[Migration]) -> _Current | None:
    """The current version, if it is intact and has all migrations. Raises when one was changed since."""
    warehouse = Warehouse.open(lake.root)
    if not warehouse.published:
        return None
    try:
        applied = {row["name"]: row["digest"] for row in warehouse.query("SELECT name, digest FROM migrations")}
        build = warehouse.query("SELECT version, digest, data_digest FROM build")[0]
    except DamageError:  # everything in it is also in the lake
        return None
    rebuild = warehouse.command("gristmill warehouse rebuild")
    if pending(migrations, applied, f"Rebuild the warehouse: `{rebuild}`. Everything in it comes from the lake."):
        return None
    return _Current(path=Path(os.path.realpath(warehouse.pointer)), **build)


def _build(
    target: Path, base: Path | bytes, load: Callable[[duckdb.DuckDBPyConnection], Loaded], memory: str
) -> Loaded:
    """Write ``target`` in one rename: ``load`` fills a copy of ``base``, a version or the content of one."""
    temporary = target.with_name(target.name + ".tmp")
    spill = target.with_name(target.name + ".spill.tmp")
    config: dict[str, str | bool | int | float | list[str]] = {"memory_limit": memory, "temp_directory": str(spill)}
    if isinstance(base, Path):
        shutil.copyfile(base, temporary)
    else:
        temporary.write_bytes(base)
    connection = duckdb.connect(str(temporary), config=config)
    try:
        loaded = load(connection)
        connection.execute("CHECKPOINT")
    except duckdb.OutOfMemoryException as error:
        raise GristmillError(
            f"the warehouse needs more than {memory} of memory, and disk space to spill to: {error}"
        ) from error
    finally:
        connection.close()
        shutil.rmtree(spill, ignore_errors=True)
    log = temporary.with_name(temporary.name + ".wal")
    if log.exists():
        raise GristmillError(f"{log.name} remains after a checkpoint: the new version is incomplete. Publish again.")
    fsync(temporary)
    temporary.replace(target)
    fsync(target.parent)
    return loaded


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Turn DuckDB's message about a full disk, from opening the file to its checkpoint, into an ``OSError``."""
    try:
        yield
    except duckdb.Error as error:
        if os.strerror(errno.ENOSPC) in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise


def _point(folder: Path, target: Path) -> None:
    """Make ``target`` current by renaming a new link over the old one."""
    link = folder / f"{CURRENT}.tmp"
    link.symlink_to(target.name)
    link.replace(folder / CURRENT)
    fsync(folder)


def _remove_unfinished(folder: Path) -> None:
    """Remove what dead builders left behind. We hold the lock, so every unfinished file is abandoned."""
    for path in folder.glob("*.tmp*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _versions(folder: Path) -> list[Path]:
    """Finished versions, oldest first."""
    return sorted(path for path in folder.iterdir() if VERSION_FILE.fullmatch(path.name))


def _last_number(folder: Path) -> int:
    versions = _versions(folder)
    match = VERSION_FILE.fullmatch(versions[-1].name) if versions else None
    return int(match.group(1)) if match else 0


def _collect(folder: Path, current: Path, keep: int, grace_seconds: float) -> None:
    """Remove versions beyond the newest ``keep`` that are older than ``grace_seconds``."""
    now = time.time()
    for path in _versions(folder)[:-keep]:
        if path != current and now - path.stat().st_mtime > grace_seconds:
            path.unlink()
