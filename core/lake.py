"""The lake: a folder of immutable, content-addressed files with a manifest for every output of every step.

::

    data/tables/<table>/<shard>/<key>.parquet      rows, sorted, zstd
    data/files/<name>/<shard>/<key>/               outputs that are not tables: token files, tokenizers, checkpoints
    data/manifests/<step>/<shard>/<key>.json       inputs and outputs of one run
    data/datasets/<kind>/<name>/<key>.json         the files that make up one finished flow
    catalog/<kind>/<name>.json                     which dataset is current: the only files that are ever replaced
    log/                                           clock, host, seconds, memory: nothing that data depends on
    tmp/<pid>.<start>/                             files being written

Everything under ``data/`` is a function of input, config and code (law 3). A file is visible once its manifest is, and
a manifest is renamed into place after everything it names is on disk (law 4), so a process can be killed at any moment.
"""

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pydantic import ValidationError

from gristmill.core.config import did_you_mean
from gristmill.core.damage import damaged
from gristmill.core.digests import canonical_json, digest_file, digest_folder
from gristmill.core.errors import GONE, OTHER, DamageError, GristmillError, UsageError
from gristmill.core.files.atomic import fsync, publish
from gristmill.core.files.os_errors import translate_os_errors
from gristmill.core.files.parquet import check_pages, read_rows, write_rows
from gristmill.core.files.places import FILE_NAME_BYTES, check_name, local_path
from gristmill.core.files.scratch import remove_abandoned, temporary_folder
from gristmill.core.manifest import Dataset, FilesRef, Manifest, Ref, pointed_key
from gristmill.core.table import Table, conform

FORMAT = 1
DAMAGED = "damaged"


@dataclass(frozen=True)
class Lake:
    """A lake at ``root``. Cheap to create; all its state is in the file system."""

    root: Path

    @classmethod
    def open(cls, root: Path) -> "Lake":
        """Open or create a lake, and remove what dead writers left in ``tmp``.

        Raises :class:`UsageError` when ``root`` is a file, contains something else, or has another format.
        """
        root = local_path(root, "--lake")
        marker = root / "lake.json"
        if root.exists() and not root.is_dir():
            raise UsageError(f"--lake {root}: this is a file. Name a folder, which is created when it does not exist.")
        if not marker.exists() and root.is_dir() and any(root.iterdir()):
            raise UsageError(f"--lake {root}: this folder is not empty and not a lake. Name a new or empty folder.")
        lake = cls(root.resolve())
        if marker.exists():
            found = _format(marker)
            if found != FORMAT:
                raise UsageError(f"{root} is a lake of format {found}; this version of gristmill reads {FORMAT}.")
        else:
            lake.write_json(lake.root / "lake.json", {"format": FORMAT})
        remove_abandoned(lake.root)
        return lake

    # -- where things are ---------------------------------------------------------------------------------------

    def path(self, ref: Ref) -> Path:
        """The Parquet file of ``ref``."""
        return self.root / "data" / "tables" / ref.table / ref.shard / f"{ref.key}.parquet"

    def files_path(self, ref: FilesRef) -> Path:
        """The folder of ``ref``."""
        return self.root / files_place(ref.name, ref.shard, ref.key)

    def manifest_path(self, step: str, shard: str, key: str) -> Path:
        """Where the manifest of an output is once the output is complete."""
        return self.root / "data" / "manifests" / step / shard / f"{key}.json"

    def log_path(self, *parts: str) -> Path:
        """A path under ``log/``; its folder is created."""
        path = self.root.joinpath("log", *parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    # -- tables -------------------------------------------------------------------------------------------------

    def write_table(self, table: Table, shard: str, key: str, rows: pa.Table) -> Ref:
        """Check ``rows`` against the contract, sort by the table's key and write them in one rename.

        Raises :class:`GristmillError` for columns that are missing, unknown, of the wrong type, or null where the
        contract forbids it.
        """
        rows = conform(table, rows)
        with self.temporary() as folder:
            temporary = folder / "part.parquet"
            with translate_os_errors(self.root):
                write_rows(rows, temporary)
                digest = digest_file(temporary)
                ref = Ref(
                    table=table.name,
                    shard=shard,
                    key=key,
                    rows=rows.num_rows,
                    bytes=temporary.stat().st_size,
                    digest=digest,
                )
                publish(temporary, self.path(ref))
        return ref

    def read(self, ref: Ref, columns: list[str] | None = None) -> pa.Table:
        """The rows of ``ref``, all columns or those named. Raises :class:`DamageError`, and moves the file aside."""
        try:
            return read_rows(self.path(ref), columns)
        except DamageError as error:
            raise self._moved(error) from error

    def check(self, ref: Ref) -> None:
        """Read the file once; raise :class:`DamageError`, and move it aside, when it is not what ``ref`` says."""
        self._check(self.path(ref), ref.digest, digest_file)

    def check_files(self, ref: FilesRef) -> None:
        """Like :meth:`check`, for a folder of files."""
        self._check(self.files_path(ref), ref.digest, digest_folder)

    def _check(self, path: Path, expected: str, digest: Callable[[Path], str]) -> None:
        try:
            found = digest(path) if path.exists() else None
        except FileNotFoundError:  # it disappeared meanwhile
            found = None
        if found is None:
            raise damaged(path, GONE)
        if found != expected:
            raise self._moved(damaged(path, OTHER))

    def check_columns(self, ref: Ref, columns: list[str]) -> None:
        """Like :meth:`check`, but reads only these columns, whose pages carry checksums."""
        try:
            check_pages(self.path(ref), columns)
        except DamageError as error:
            raise self._moved(error) from error

    def _moved(self, error: DamageError) -> DamageError:
        """The same error, after moving the file aside where that is allowed, so that the next run rebuilds it."""
        try:
            moved = self.move_aside(error.path)
        except (GristmillError, OSError):
            moved = None
        return damaged(error.path, error.fault, moved)

    def move_aside(self, path: Path) -> Path | None:
        """Move a damaged file to the same place under ``damaged/``, where nothing looks for it; None when it is gone.

        A missing output does not count as cached: the next run of the step rebuilds it.
        """
        target = self.root / DAMAGED / path.relative_to(self.root)
        with translate_os_errors(self.root):
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            try:
                path.replace(target)
            except FileNotFoundError:
                return None
        return target

    def publish_files(self, folder: Path, name: str, shard: str, key: str) -> FilesRef:
        """Move a folder written under :meth:`temporary` to its place. Its digest covers names and contents."""
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        ref = FilesRef(
            name=name,
            shard=shard,
            key=key,
            bytes=sum(path.stat().st_size for path in files),
            digest=digest_folder(folder),
        )
        with translate_os_errors(self.root):
            for path in files:
                fsync(path)
            target = self.files_path(ref)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():  # a writer died between this rename and its manifest: the content is the same
                shutil.rmtree(target)
            folder.rename(target)
            fsync(target.parent)
        return ref

    # -- manifests and datasets ---------------------------------------------------------------------------------

    def write_manifest(self, manifest: Manifest) -> None:
        """Make an output visible."""
        self.write_json(
            self.manifest_path(manifest.step, manifest.shard, manifest.key), manifest.model_dump(mode="json")
        )

    def manifest(self, step: str, shard: str, key: str) -> Manifest | None:
        """The manifest of an output, if it and every file it names exist in full length, else None.

        One that cannot be read (truncated or damaged) counts as missing, so its step runs again.
        """
        path = self.manifest_path(step, shard, key)
        if not path.is_file():
            return None
        try:
            manifest = Manifest.model_validate_json(path.read_bytes())
        except ValidationError:
            return None
        tables = all(_has_size(self.path(ref), ref.bytes) for ref in manifest.outputs)
        files = all(_folder_has_size(self.files_path(ref), ref.bytes) for ref in manifest.files)
        return manifest if tables and files else None

    def commit(self, dataset: Dataset) -> str:
        """Write a dataset and make it the current one of its kind and name. Returns its key."""
        check_name(dataset.kind, "kind")
        check_name(dataset.name, "name", FILE_NAME_BYTES)
        key = dataset.key
        path = self.root / "data" / "datasets" / dataset.kind / dataset.name / f"{key}.json"
        self.write_json(path, dataset.model_dump(mode="json"))
        self.write_json(self.root / "catalog" / dataset.kind / f"{dataset.name}.json", {"key": key})
        return key

    def dataset(self, kind: str, name: str, key: str | None = None) -> Dataset | None:
        """A dataset by kind and name: the current one, or the one called ``key``; None when there is none.

        Raises :class:`DamageError` when its file, or the pointer to the current one, is unreadable or names none.
        """
        if key is None:
            pointer = self.root / "catalog" / kind / f"{name}.json"
            if not pointer.is_file():
                return None
            key = pointed_key(pointer)
            if not (self.root / "data" / "datasets" / kind / name / f"{key}.json").is_file():
                raise damaged(pointer, "it names a dataset that is gone")
        path = self.root / "data" / "datasets" / kind / name / f"{key}.json"
        if not path.is_file():
            return None
        try:
            return Dataset.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise damaged(path, "it cannot be read") from error

    def expect(self, kind: str, name: str) -> Dataset:
        """The current dataset of that kind and name. Raises :class:`UsageError` when there is none."""
        found = self.dataset(kind, name)
        if found is None:
            raise UsageError(f"the lake {self.root} has no {kind} of {name!r}{did_you_mean(name, self.names(kind))}")
        return found

    def names(self, kind: str) -> list[str]:
        """Names that have a current dataset of ``kind``, sorted."""
        folder = self.root / "catalog" / kind
        return sorted(path.stem for path in folder.glob("*.json")) if folder.is_dir() else []

    def datasets(self, kind: str) -> list[Dataset]:
        """Every current dataset of ``kind``, by name."""
        found = [self.dataset(kind, name) for name in self.names(kind)]
        return [dataset for dataset in found if dataset is not None]

    # -- writing ------------------------------------------------------------------------------------------------

    def write_json(self, path: Path, value: object) -> None:
        """Write canonical JSON in one rename."""
        with self.temporary() as folder, translate_os_errors(self.root):
            temporary = folder / "value.json"
            temporary.write_bytes(canonical_json(value) + b"\n")
            publish(temporary, path)

    def temporary(self) -> AbstractContextManager[Path]:
        """A folder on the lake's file system for files being written; removed afterwards."""
        return temporary_folder(self.root)


def files_place(name: str, shard: str, key: str) -> PurePosixPath:
    """Where a folder of files is, relative to the root of its lake."""
    return PurePosixPath("data", "files", name, shard, key)


def _format(marker: Path) -> object:
    """The format that the lake declares. Raises :class:`GristmillError` when the marker is damaged."""
    try:
        return json.loads(marker.read_bytes())["format"]
    except (ValueError, KeyError, TypeError) as error:
        content = canonical_json({"format": FORMAT}).decode()
        raise GristmillError(
            f"{marker}: this file is damaged. Write {content} into it, then run `gristmill verify`."
        ) from error


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _folder_has_size(folder: Path, size: int) -> bool:
    return folder.is_dir() and sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) == size
