"""How far a trainer is, from the last lines of its output."""

import os
import re
from collections import deque
from dataclasses import dataclass
from pathlib import Path

TAIL_BYTES = 8192
FACTORS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}
NUMBER = re.compile(r"([-+]?[\d,]*\.?\d+(?:[eE][-+]?\d+)?)([KMGBT]?)(%?)")


@dataclass(frozen=True)
class Progress:
    """The last line that told something: its words, and the numbers in it that the pattern names."""

    words: str = ""
    step: int | None = None
    steps: int | None = None
    loss: float | None = None
    tokens: int | None = None
    tokens_per_second: float | None = None
    mfu: float | None = None


def read_progress(log: Path, pattern: str) -> Progress:
    """The last line of ``log`` that matches ``pattern`` (see ``Job.progress_pattern``). Reads the last 8 KB."""
    last = deque(re.finditer(pattern, tail(log), flags=re.MULTILINE), maxlen=1)
    if not last:
        return Progress()
    found = last[0]
    named = {name: number(value) for name, value in found.groupdict().items() if value is not None}
    return Progress(
        words=str(found[1] if found.re.groups else found[0]),
        step=_whole(named.get("step")),
        steps=_whole(named.get("steps")),
        loss=named.get("loss"),
        tokens=_whole(named.get("tokens")),
        tokens_per_second=named.get("tokens_per_second"),
        mfu=named.get("mfu"),
    )


def number(text: str) -> float | None:
    """``1,234``, ``24.9K`` and ``41.2%`` as trainers print them; None for anything else, such as ``nan``."""
    match = NUMBER.fullmatch(text.strip())
    if match is None:
        return None
    return float(match[1].replace(",", "")) * FACTORS[match[2]] / (100 if match[3] else 1)


def last_line(log: Path) -> str:
    """The last line that is not empty."""
    lines = [line for line in tail(log).splitlines() if line.strip()]
    return lines[-1] if lines else "the trainer said nothing"


def tail(log: Path) -> str:
    """The last bytes of a file, as text."""
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL_BYTES))
        return file.read().decode("utf-8", "replace")


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
