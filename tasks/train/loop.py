"""The loop of optimiser steps that training runs and trials share, and the settings that make both reproducible.

What differs between them is handed in: the loss of a step (mean over tokens, or weighted by domain) and the schedule.
Cost: that of the model; the loop itself copies nothing and keeps nothing of earlier steps.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gristmill.core.errors import GristmillError


@dataclass(frozen=True)
class Schedule:
    """How long to train and how fast: ``rate`` gives the learning rate of a step, counted from 1.

    ``say_every`` 0 says nothing. ``earlier`` and ``later`` are steps of other runs in the same job, which count in what
    is printed.
    """

    steps: int
    tokens_per_step: int
    rate: Callable[[int], float]
    clip: float
    say_every: int
    earlier: int = 0
    later: int = 0


@dataclass(frozen=True)
class Taken:
    """A step that was taken. ``loss`` is that before its update."""

    number: int
    tokens: int
    loss: float
    rate: float
    tokens_per_second: float | None
    """Of the steps since the last that had one; time between steps (saving, held-out loss) does not count."""


def make_deterministic(seed: int, threads: int) -> None:
    """Fix everything beside data and code that weights depend on, for one machine and one version of torch."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)


def run_steps(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    schedule: Schedule,
    parts_of: Callable[[int], Iterable[Tensor]],
    *,
    done: int,
    advice: str,
    mean: Callable[[float], float] = float,
) -> Iterator[Taken]:
    """Take the steps after ``done``, each when it is asked for.

    ``parts_of`` gives scalars that add up to the loss of a step; each is differentiated before the next is asked for,
    so that only one part's activations are in memory. ``mean`` averages a loss over all processes.

    Prints ``step N of M loss L tokens T at R tokens/s`` for whoever follows the job. Raises :class:`GristmillError`,
    with ``advice``, for a loss that is not finite, before the weights are touched by it.
    """
    seconds, counted = 0.0, done
    for number in range(done + 1, schedule.steps + 1):
        started = time.perf_counter()
        rate = schedule.rate(number)
        optimiser.zero_grad(set_to_none=True)
        losses = [_differentiated(part) for part in parts_of(number)]
        value = mean(sum(map(float, losses)))
        if not math.isfinite(value):
            raise GristmillError(f"the loss of step {number} is {value}: the run diverged. {advice}")
        nn.utils.clip_grad_norm_(model.parameters(), schedule.clip)
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.step()
        tokens = number * schedule.tokens_per_step
        seconds += time.perf_counter() - started
        speed = None
        if schedule.say_every and (number % schedule.say_every == 0 or number == schedule.steps):
            speed = (number - counted) * schedule.tokens_per_step / max(seconds, 1e-9)
            seconds, counted = 0.0, number
            place = schedule.earlier + number
            step = f"step {place} of {place - number + schedule.steps + schedule.later}"
            read = place * schedule.tokens_per_step
            print(f"{step} loss {value:.3f} tokens {read} at {speed:,.0f} tokens/s", flush=True)
        yield Taken(number, tokens, value, rate, speed)


def _differentiated(part: Tensor) -> Tensor:
    part.backward()  # type: ignore[no-untyped-call]
    return part.detach()
