"""Losses of another trainer while it runs, from what it prints: the lines that its recipe's pattern finds.

The pattern stands in the run directory's ``job.json``; its groups ``step``, ``loss`` and ``learning_rate`` are read.
Cost: one search through at most ``TAIL_BYTES`` of each attempt's output, and none while that stays as it was.
"""

import math
import re
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ValidationError

TAIL_BYTES = 4_000_000


class LoggedLoss(BaseModel):
    """What a trainer said of one step."""

    step: int
    loss: float
    learning_rate: float | None


class _Job(BaseModel):
    progress_pattern: str = ""


def logged_losses(folder: Path) -> list[LoggedLoss]:
    """The losses that the outputs of all attempts tell, by step; of a step told twice, the later."""
    try:
        pattern = _Job.model_validate_json((folder / "job.json").read_bytes()).progress_pattern
        logs = [(path, path.stat()) for path in (folder / "log").glob("attempt-*.out")]
        if not pattern or "step" not in re.compile(pattern).groupindex:
            return []
    except (OSError, ValidationError, re.error):
        return []
    logs.sort(key=lambda log: log[1].st_mtime_ns)
    told: dict[int, LoggedLoss] = {}
    for path, state in logs:
        told |= {loss.step: loss for loss in _read(path, state.st_size, state.st_mtime_ns, pattern)}
    return [told[step] for step in sorted(told)]


@lru_cache(maxsize=32)
def _read(path: Path, size: int, _changed: int, pattern: str) -> tuple[LoggedLoss, ...]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read(TAIL_BYTES).decode("utf-8", "replace")
    except OSError:  # deleted since it was listed
        return ()
    found = []
    for match in re.finditer(pattern, text, flags=re.MULTILINE):
        named = match.groupdict()
        step, loss = _number(named.get("step")), _number(named.get("loss"))
        if step is not None and loss is not None:
            rate = _number(named.get("learning_rate"))
            found.append(LoggedLoss(step=int(step), loss=loss, learning_rate=rate))
    return tuple(found)


def _number(text: str | None) -> float | None:
    """``1,234`` and ``3.5`` as trainers print them; None for anything else, such as ``nan``."""
    try:
        value = float((text or "").replace(",", ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
