"""The pages of docs/contributing as something to follow: their files, and their commands with what they print.

A fenced block whose info string has a file name (```` ```yaml units.yaml ````) is that file. A ``console`` block holds
commands after ``$`` and, below each, lines that its output has; words after ``console`` say where it is run.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from gristmill.tasks.kernels.common.compiled import sources_digest

_BLOCK = re.compile(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Command:
    """A command of a page, the lines that its output must have, and where it is run ("" is the reader's folder)."""

    words: tuple[str, ...]
    shows: tuple[str, ...]
    where: str


def files_of(page: str) -> dict[str, str]:
    """The files that a page tells its reader to write, by name."""
    return {name: text for language, name, text in _BLOCK.findall(page) if name and language != "console"}


def write_files(page: str, folder: Path) -> None:
    """Write every file of a page below a folder."""
    for name, text in files_of(page).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def commands_of(page: str) -> list[Command]:
    """The commands of a page, in order."""
    found = []
    for language, where, text in _BLOCK.findall(page):
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
                command, *shown = part.strip().splitlines()
                found.append(Command(tuple(command.split()), tuple(shown), where))
    return found


def shows(output: str, line: str) -> bool:
    """Whether an output has a line with these words in this order, whatever the width of its columns."""
    return " ".join(line.split()) in " ".join(output.split())


def copy_package(project: Path, folder: Path, copied: Collection[str]) -> None:
    """The package below ``folder``: the folders in ``copied`` may be changed there, the others are links."""
    package = folder / "src" / "gristmill"
    package.mkdir(parents=True)
    for entry in (project / "src" / "gristmill").iterdir():
        if entry.is_symlink():
            (package / entry.name).symlink_to(Path("..", "..", entry.name))
            if entry.name not in copied:
                (folder / entry.name).symlink_to(entry.resolve())
        elif entry.is_file():
            shutil.copy(entry, package)
    for name in copied:
        shutil.copytree(project / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "images"))
    shutil.copy(project / "pyproject.toml", folder)
    compiled = project / "tasks" / "kernels" / "__pycache__" / sources_digest()
    if "tasks" in copied and compiled.is_dir():  # named after the sources: these are the same
        shutil.copytree(compiled, folder / compiled.relative_to(project))


def python(folder: Path, *arguments: str) -> str:
    """What a new process prints that finds the package below ``folder`` first."""
    environment = {"PYTHONPATH": str(folder / "src"), "PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
