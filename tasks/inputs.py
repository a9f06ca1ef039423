"""Finding input files: paths, folders, globs and addresses become a sorted list of files, and a list of what was not
taken.

Names are relative to the folder that was given (or to the part of a glob before its first wildcard), so they do not
depend on where the folder lies; files elsewhere are named by their address (``tasks.remote.listing``), those of Common
Crawl by their path in it. Cost: reads every local file once for its digest; asks servers about the others.
"""

import glob
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from schemas.config import did_you_mean
from schemas.errors import UsageError
from tasks.readers.kinds import kind_of
from tasks.remote.listing import list_remote
from tasks.remote.state import RemoteConfig
from tasks.sources import InputFile

READABLE = "WARC, WET, ARC, WACZ, JSON Lines, Parquet, CSV, TSV, plain text, Markdown and HTML, also compressed"


@dataclass(frozen=True)
class Skipped:
    """A file or folder inside a given folder that was not taken, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class InputList:
    """Files to read, by name, and what was left out, by name."""

    files: tuple[InputFile, ...]
    skipped: tuple[Skipped, ...]


def find_inputs(inputs: Sequence[str], downloads: Path | None = None, remote: RemoteConfig | None = None) -> InputList:
    """Every readable file under ``inputs``: paths of files or folders, globs (``**`` too), addresses with ``://``.

    ``downloads`` is the folder that ingest will be given: there workers and runs agree on the pace of web servers.

    Raises :class:`UsageError` with the cure for: nothing given, a path that does not exist, a glob that matches
    nothing, a folder without any readable file, a file of unknown kind given by name, a file that may not be read,
    an address that stands for nothing or needs a package, and two different files that would have the same name.
    Raises :class:`schemas.errors.GristmillError` when a server keeps failing.
    """
    if not inputs:
        raise UsageError("no input was given: name files, folders or globs (quoted).")
    found: dict[str, InputFile] = {}
    skipped: dict[str, Skipped] = {}
    for given in inputs:
        if "://" in given and not given.startswith("file://"):
            files = _elsewhere(given, skipped, downloads, remote or RemoteConfig())
        else:
            files = _expand(given.removeprefix("file://"), skipped)
        for file in files:
            known = found.setdefault(file.name, file)
            if known.digest != file.digest:
                raise UsageError(
                    f"two different inputs are called {file.name!r}: {known.where} and {file.where}. Give the folder "
                    "that holds both, so that their names differ."
                )
    return InputList(tuple(found[name] for name in sorted(found)), tuple(skipped[name] for name in sorted(skipped)))


def _elsewhere(
    given: str, skipped: dict[str, Skipped], downloads: Path | None, remote: RemoteConfig
) -> list[InputFile]:
    """The files of one address; what is not taken goes into ``skipped``."""
    with tempfile.TemporaryDirectory(prefix="gristmill-") as folder:
        listed = list_remote(given, remote, downloads or Path(folder))
    skipped.update({name: Skipped(name, reason) for name, reason in listed.skipped})
    return [InputFile.remote(file, name) for name, file in listed.files]


def _expand(given: str, skipped: dict[str, Skipped]) -> list[InputFile]:
    """The files of one input; what is not taken goes into ``skipped``."""
    path = Path(given).expanduser()
    if not given.strip():
        raise UsageError("an input is empty: name a file, a folder or a glob.")
    if path.is_file():
        return [_given_file(path)]
    if path.is_dir():
        return _take(path, _walk(path, path, skipped, set()), skipped, f"the folder {given}")
    if glob.has_magic(given):
        base, matches = _glob(path)
        if not matches:
            raise UsageError(f"{given}: nothing matches this pattern.")
        files: list[Path] = []
        for match in matches:
            files += _walk(match, base, skipped, set()) if match.is_dir() else [match]
        return _take(base, sorted(set(files)), skipped, f"what matches {given}")
    raise UsageError(_missing(path, given))


def _given_file(path: Path) -> InputFile:
    with _readable(path):
        kind, reason = kind_of(path, path.name)
        if kind is None:
            raise UsageError(f"{path}: this file cannot be read: {reason}. Kinds that are read: {READABLE}.")
        return InputFile.local(path, path.name)


def _take(base: Path, paths: Iterable[Path], skipped: dict[str, Skipped], what: str) -> list[InputFile]:
    files = []
    for path in paths:
        name = path.relative_to(base).as_posix()
        with _readable(path):
            kind, reason = kind_of(path, name)
            if kind is None:
                skipped[name] = Skipped(name, reason)
            else:
                files.append(InputFile.local(path, name))
    if not files:
        seen = f" ({len(skipped)} other files were seen, such as {min(skipped)})" if skipped else ""
        raise UsageError(f"{what} holds no file that can be read{seen}. Kinds that are read: {READABLE}.")
    return files


def _walk(folder: Path, base: Path, skipped: dict[str, Skipped], seen: set[tuple[int, int]]) -> Iterator[Path]:
    """Files under ``folder`` in order of name; hidden ones are skipped with a word, linked folders entered once."""
    with _readable(folder):
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    for entry in entries:
        path = folder / entry.name
        name = path.relative_to(base).as_posix()
        if entry.name.startswith("."):
            skipped[name] = Skipped(name, "hidden")
        elif entry.is_dir():
            yield from _walk(path, base, skipped, seen)
        elif entry.is_file():
            yield path
        else:
            skipped[name] = Skipped(name, "a link to nothing" if entry.is_symlink() else "no regular file")


def _glob(path: Path) -> tuple[Path, list[Path]]:
    """The folder before the first wildcard, and what matches, in order of name."""
    parts = path.parts
    fixed = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    base = Path(*parts[:fixed])
    matches = base.glob("/".join(parts[fixed:])) if base.is_dir() else ()
    return base, sorted(match for match in matches if not _is_hidden(match.relative_to(base)))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _missing(path: Path, given: str) -> str:
    """What is wrong with a path that is not there: the first part of it that is missing, and the nearest name."""
    present = path.absolute()
    missing = present.name
    while not present.exists() and present != present.parent:
        missing, present = present.name, present.parent
    if not present.is_dir():
        return f"{given}: {present} is a file, not a folder."
    with _readable(present):
        names = [entry.name for entry in os.scandir(present) if not entry.name.startswith(".")]
    hint = did_you_mean(missing, names)
    near = hint if "did you mean" in hint else f" ({present} holds {len(names)} other names)"
    return f"{given}: there is no {missing!r} in {present}{near}."


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns an ``OSError`` about ``path`` into a :class:`UsageError` that says what to do."""
    try:
        yield
    except PermissionError as error:
        raise UsageError(f"{path}: you may not read this. Change its permissions (chmod) or leave it out.") from error
    except OSError as error:
        raise UsageError(f"{path}: this cannot be read: {error.strerror or error}.") from error
