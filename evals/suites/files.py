"""The files of a suite: where to find them, and whether they are the ones that the suite was written for.

Benchmarks are not part of Gristmill. Their files are next to the suite's YAML, in a folder of the user's
(``--data DIR``), or in the folder that a download from a hub filled (``gristmill.evals.suites.hub``). A file whose
digest differs from the one in the YAML is refused, because a score on other items is not comparable. Cost: SHA-256 of
the files, about 500 MB/s.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from gristmill.core.config import Config
from gristmill.core.errors import UsageError

HUB_FOLDER = "hub"
Rows = Annotated[tuple[int, int], Field(description="first and last row to take, from 1")]


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _inside(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"{value!r} must be a path below the suite's folder or the data folder")
    return value


class DataFile(Config):
    """One file of a benchmark, or several of the same form."""

    path: Annotated[
        tuple[str, ...], BeforeValidator(_several), Field(min_length=1, description="relative; * stands for any name")
    ]
    digest: Annotated[str, Field(pattern=r"^$|^[0-9a-f]{64}$", description="SHA-256, see digest_files")] = ""
    rows: Rows | None = None
    reader: Annotated[str, Field(description="reader of this file; by default the suite's")] = ""

    @field_validator("path")
    @classmethod
    def _below(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_inside(path) for path in value)

    @property
    def shown(self) -> str:
        """The paths, for messages."""
        return ", ".join(self.path)

    @field_validator("rows")
    @classmethod
    def _in_order(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and not 1 <= value[0] <= value[1]:
            raise ValueError(f"rows {value[0]} to {value[1]}: rows count from 1, the first before the last")
        return value


def _full(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


Files = Mapping[str, Annotated[DataFile, BeforeValidator(_full)]]
Found = tuple[list[Path], DataFile]
"""Paths of files, and the settings that describe them."""


class Hub(Config):
    """Files of a hub's data set at one revision, which fixes their content."""

    dataset: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$", description="owner/name")]
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$", description="commit")]
    files: Annotated[Files, Field(min_length=1, description="files by role, without *")]

    @field_validator("files")
    @classmethod
    def _named(cls, value: Mapping[str, DataFile]) -> Mapping[str, DataFile]:
        starred = next((path for file in value.values() for path in file.path if set("*?[") & set(path)), None)
        if starred is not None:
            raise ValueError(f"{starred!r}: files are fetched from a hub by name; list them")
        return value

    def place(self, folder: Path, path: str) -> Path:
        """Where the download of ``path`` goes below ``folder``."""
        return folder / HUB_FOLDER / self.dataset / self.revision / _inside(path)


class Data(Config):
    """The files of a suite, by role (``items``, and the source of shots), and their reader."""

    reader: Annotated[str, Field(description="name of the reader, which knows the format of the items")]
    files: Annotated[Files, Field(description="files by role")]
    source: Annotated[str, Field(description="where the files are published")] = ""
    hub: Hub | None = None

    @field_validator("files")
    @classmethod
    def _has_items(cls, value: Mapping[str, DataFile]) -> Mapping[str, DataFile]:
        if "items" not in value:
            raise ValueError("there is no file of items: name it under items")
        return value

    @property
    def own(self) -> bool:
        """Whether all files are next to the YAML, like those of Gristmill's own suites."""
        return not self.source and self.hub is None


def find(suite: str, data: Data, role: str, beside: Path, folders: Sequence[Path]) -> Found:
    """The files of one role, in the order of their names: next to the YAML, else in the first folder that has them.

    Raises :class:`UsageError` when there are none, or when their digest is not the suite's.
    """
    found = look(data, role, beside, folders)
    if found is None:
        raise UsageError(_absent(suite, data, data.files[role].shown, beside, folders))
    paths, wanted = found
    if wanted.digest and (digest := digest_files(paths)) != wanted.digest:
        raise UsageError(
            f"suite {suite}: {', '.join(map(str, paths[:3]))} is not what the suite was written for: its digest is "
            f"{digest}, expected {wanted.digest}. Get that version{_from(data)}, or write your own suite."
        )
    return found


def look(data: Data, role: str, beside: Path, folders: Sequence[Path]) -> Found | None:
    """The files of one role, whatever their content; None when there are none."""
    wanted = data.files[role]
    for folder in (beside, *folders):
        paths = sorted(path for pattern in wanted.path for path in folder.glob(pattern) if path.is_file())
        if paths:
            return paths, wanted
    if data.hub is not None and role in data.hub.files:
        fetched = data.hub.files[role]
        for folder in folders:
            places = [data.hub.place(folder, path) for path in fetched.path]
            if all(place.is_file() for place in places):
                return places, fetched
    return None


def _absent(suite: str, data: Data, path: str, beside: Path, folders: Sequence[Path]) -> str:
    if data.own:
        return f"suite {suite}: data: there is no file {path!r} next to its YAML file, in {beside}"
    looked = f"there is no {path} in {', '.join(map(str, folders))}" if folders else f"it needs the file {path}"
    hint = "Name the folder that has it with --data DIR or in GRISTMILL_DATA"
    hint += f"; it is published at {data.source}" if data.source else ""
    hub = data.hub
    hint += f"; or let --download get it from the hub ({hub.dataset} at {hub.revision[:12]})" if hub else ""
    return f"suite {suite}: {looked}. {hint}."


def _from(data: Data) -> str:
    return f" from {data.source}" if data.source else ""


def digest_files(paths: Sequence[Path]) -> str:
    """SHA-256 of a file; for several, SHA-256 of the lines that ``sha256sum *`` prints in their folder."""
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    if len(paths) == 1:
        return digests[0]
    lines = "".join(f"{digest}  {path.name}\n" for digest, path in zip(digests, paths, strict=True))
    return hashlib.sha256(lines.encode()).hexdigest()
