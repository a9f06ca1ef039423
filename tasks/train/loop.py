"""The loop of optimiser steps that training runs and trials share, and what makes both give the same bytes again.

What differs between them is handed in: the loss of a step (mean over tokens, or weighted by domain) and the schedule.
Cost: that of the model; the loop itself copies nothing and keeps nothing of a step that has passed.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gristmill.core.errors import GristmillError


@dataclass(frozen=True)
class Schedule:
    """How long to train and how fast: ``rate`` gives the learning rate of a step, counted from 1."""

    steps: int
    tokens_per_step: int
    rate: Callable[[int], float]
    clip: float
    say_every: int


@dataclass(frozen=True)
class Taken:
    """A step that was taken. ``loss`` is that before its update."""

    number: int
    tokens: int
    loss: float
    rate: float


def make_deterministic(seed: int, threads: int) -> None:
    """Fix what weights depend on beside data and code. For one machine and one version of torch that is all."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)


def run_steps(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    schedule: Schedule,
    loss_of: Callable[[int], Tensor],
    *,
    done: int,
    advice: str,
) -> Iterator[Taken]:
    """Take the steps after ``done``, each when it is asked for. ``loss_of`` gives the loss of a step, a scalar.

    Prints ``step N of M loss L tokens T`` for whoever follows the job. Raises :class:`GristmillError`, with ``advice``,
    for a loss that is not finite, before the weights are touched by it.
    """
    for number in range(done + 1, schedule.steps + 1):
        rate = schedule.rate(number)
        loss = loss_of(number)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise GristmillError(f"the loss of step {number} is {value}: the run diverged. {advice}")
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), schedule.clip)
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.step()
        tokens = number * schedule.tokens_per_step
        if number % schedule.say_every == 0 or number == schedule.steps:
            print(f"step {number} of {schedule.steps} loss {value:.3f} tokens {tokens}", flush=True)
        yield Taken(number, tokens, value, rate)
