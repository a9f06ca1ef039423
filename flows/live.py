"""How far runs are that are followed: a line each with step, loss, rate and time left, and a picture of the loss."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from gristmill.tasks.launch.job import Status

BLOCKS = "▁▂▃▄▅▆▇█"
KEPT = 128
"""Losses that are kept of a run; beyond, every second one goes."""


def sparkline(values: Sequence[float], width: int) -> str:
    """Values as one line of at most ``width`` blocks, the lowest value the smallest."""
    if not values:
        return ""
    low, span = min(values), max(max(values) - min(values), 1e-9)
    count = min(width, len(values))
    picked = [values[int(n * (len(values) - 1) / max(1, count - 1))] for n in range(count)]
    return "".join(BLOCKS[round((value - low) / span * (len(BLOCKS) - 1))] for value in picked)


@dataclass
class LiveRun:
    """What was told of a run since somebody began to follow it."""

    steps: int
    losses: list[float] = field(default_factory=list)
    begun: tuple[float, int] | None = None
    """When its first step was seen, and which: the time left is reckoned from there, or from where it went back to."""
    last: int = 0

    def line(self, status: Status, now: float | None = None) -> str:
        """``step 20 of 300  loss 5.123  6,012 tokens/s  1:35 left``, as far as its trainer tells."""
        moment = time.monotonic() if now is None else now
        step = status.step or 0
        steps = status.steps or self.steps
        if status.loss is not None:
            self.losses.append(status.loss)
            if len(self.losses) > KEPT:
                del self.losses[1::2]
        if self.begun is None or step < self.last:
            self.begun = (moment, step)
        self.last = step
        since, first = self.begun
        told = [f"step {step:,} of {steps:,}"]
        if status.loss is not None:
            told.append(f"loss {status.loss:.3f}")
        if status.tokens_per_second is not None:
            told.append(f"{status.tokens_per_second:,.0f} tokens/s")
        if status.mfu is not None:
            told.append(f"MFU {status.mfu:.1%}")
        if step > first and moment > since:
            told.append(f"{clock((steps - step) * (moment - since) / (step - first))} left")
        return "  ".join(told)

    def picture(self, width: int = 30) -> str:
        """The losses until now."""
        return sparkline(self.losses, width)


def clock(seconds: float) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
