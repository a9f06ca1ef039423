"""The pages of docs/contributing as something to follow: their files, and their commands with what they print.

A fenced block whose info string has a file name (```` ```yaml units.yaml ````) is that file. A ``console`` block holds
commands after ``$`` and, below each, lines that its output has; words after ``console`` say where it is run.
"""

import re
from dataclasses import dataclass
from pathlib import Path

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
