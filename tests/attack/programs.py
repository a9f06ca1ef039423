"""The attack programs, which stand in text files here so that they can be read as they are; and who still runs."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from gristmill.evals.oracle.verdicts import Outcome

RunAttack = Callable[..., Outcome]


def sections(name: str) -> dict[str, str]:
    """The programs of a text file here, by their heads."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    parts = re.split(r"^=== |^#####.*\n", text, flags=re.MULTILINE)[1:]
    return {head: body for head, _, body in (part.partition("\n") for part in parts if part.strip())}


def tools(name: str) -> str:
    """What stands before every program of a file."""
    return sections(name).get("tools", "")


def cases(name: str) -> list[ParameterSet]:
    """The programs of a file as parameters of a test: what is expected of each, and its text."""
    heads = [(*head.split(" => ", 1), body) for head, body in sections(name).items() if head != "tools"]
    return [pytest.param(expected, tools(name) + body, id=attack) for attack, expected, body in heads]


def processes_of(user: int) -> list[str]:
    """What runs as ``user``: state and command line. The dead that wait for init to collect them do not count."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if entry.stat().st_uid == user and state not in ("Z", "X"):
                found.append(f"{(entry / 'stat').read_text()[:60]} {(entry / 'cmdline').read_text()}")
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended while we looked
    return found
