"""What is in a folder or matches a glob: files to read, and everything else with the reason.

A link is followed where it stays inside the folder that was given; one that leads out of it is not, unless that is
asked for: a folder filled by somebody else could have a link to anything this user may read. A folder is entered
once, under its own name and not under that of a link. Named pipes, devices and sockets are never opened: reading one
may never end. Cost: a look at every entry.
"""

import glob
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gristmill.tasks.ingest.names import escape_name
from gristmill.tasks.ingest.readers.reasons import Reason

FOLLOW_HINT = "give --follow-links to have it read"


@dataclass(frozen=True)
class Skipped:
    """A file or folder that was found and not taken, and why. ``name`` is relative, like that of an input file."""

    name: str
    reason: Reason
    detail: str


@dataclass(frozen=True)
class Candidate:
    """A regular file that may be an input. ``name`` is relative to what was given; ``real`` has no link in it."""

    path: Path
    name: str
    real: Path

    @property
    def linked(self) -> bool:
        """Whether a link led here."""
        return not self.real.as_posix().endswith(f"/{self.name}")


@dataclass
class Look:
    """What was found under one input. ``forgiving``: a folder that may not be listed is left out instead of being an
    error."""

    base: Path
    follow_links: bool
    forgiving: bool = False
    files: list[Candidate] = field(default_factory=list)
    skipped: dict[Path, Skipped] = field(default_factory=dict)
    entered: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.root = Path(os.path.realpath(self.base))

    def folder(self, folder: Path) -> None:
        """Everything under ``folder``. Raises ``OSError`` for a folder that cannot be listed."""
        links: list[Path] = []
        self._walk(folder, Path(os.path.realpath(folder)), links)
        while links:
            path = links.pop(0)
            real = self._real(path)
            if real is not None and real.is_dir():
                self._walk(path, real, links)
            elif real is not None:
                self._file(path, real)

    def match(self, path: Path) -> None:
        """A path that a glob found, whatever it is."""
        real = self._real(path)
        if real is not None and real.is_dir():
            self.folder(path)
        elif real is not None:
            self._file(path, real)

    def skip(self, path: Path, reason: Reason, detail: str) -> None:
        """Remember a path that is not taken."""
        self.skipped[path.absolute()] = Skipped(escape_name(self._name(path)), reason, detail)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.base).as_posix()

    def _walk(self, folder: Path, real: Path, links: list[Path]) -> None:
        if real in self.entered:
            return
        self.entered.add(real)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except PermissionError:
            if not self.forgiving:
                raise
            self.skip(folder, Reason.FORBIDDEN, "you may not list this folder")
            return
        for entry in entries:
            path = folder / entry.name
            if entry.name.startswith("."):
                self.skip(path, Reason.HIDDEN, "its name begins with a dot")
            elif entry.is_symlink():
                links.append(path)
            elif entry.is_dir():
                self._walk(path, real / entry.name, links)
            else:
                self._file(path, real / entry.name)

    def _real(self, path: Path) -> Path | None:
        """The path without links, None where it leads nowhere or to where it should not."""
        real = Path(os.path.realpath(path))
        if not real.exists():
            self.skip(path, Reason.BROKEN_LINK, "a link that leads nowhere")
        elif not self.follow_links and not real.is_relative_to(self.root):
            self.skip(path, Reason.LINK_OUTSIDE, f"a link that leads out of the input folder; {FOLLOW_HINT}")
        else:
            return real
        return None

    def _file(self, path: Path, real: Path) -> None:
        what = not_a_file(path)
        if what is None:
            self.files.append(Candidate(path, self._name(path), real))
        else:
            self.skip(path, Reason.NOT_A_FILE, what)


def not_a_file(path: Path) -> str | None:
    """What a path is that is neither a file nor a folder; None for those. Raises ``OSError`` as ``stat`` does."""
    mode = path.stat().st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return None
    kinds = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def matches(pattern: Path) -> tuple[Path, list[Path]]:
    """The folder before the first wildcard, and what matches, in order of name.

    A part that exists literally, such as ``data[1]``, is not a wildcard, unless nothing matches that way.
    """
    for by_name in (True, False):
        base, rest = _fixed(pattern, by_name)
        found = base.glob("/".join(rest)) if rest and base.is_dir() else iter(())
        matched = sorted(path for path in found if not _is_hidden(path.relative_to(base)))
        if matched:
            return base, matched
    return base, []


def _fixed(pattern: Path, by_name: bool) -> tuple[Path, tuple[str, ...]]:
    """The path up to the first wildcard, and the parts from there on."""
    base = Path()
    for number, part in enumerate(pattern.parts):
        if glob.has_magic(part) and not (by_name and (base / part).exists()):
            return base, pattern.parts[number:]
        base /= part
    return base, ()


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def names_in(folder: Path) -> Iterator[str]:
    """The names in a folder that are not hidden."""
    return (entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
