"""Learning-rate schedules: the rate of each optimiser step. No torch here.

``cosine``    linear warm-up, then half a cosine down to a tenth of the peak
``wsd``       warm-up, stable, decay: 1 - sqrt over the last steps (Hägele et al., arXiv 2405.18392). A run whose data
              or length is not settled can be decayed from any checkpoint of the stable part
``constant``  warm-up, then the peak to the end
"""

import math
from typing import Literal

ScheduleName = Literal["cosine", "wsd", "constant"]


def learning_rate(
    schedule: ScheduleName, peak: float, step: int, steps: int, *, warmup_share: float, decay_share: float
) -> float:
    """The rate of step ``step`` of ``steps``, counted from 1. It is never 0, so that no step is without effect."""
    warmup = max(1, round(warmup_share * steps))
    if step <= warmup:
        return peak * step / warmup
    match schedule:
        case "cosine":
            share = (step - warmup) / max(1, steps - warmup)
            return peak * (0.1 + 0.45 * (1 + math.cos(math.pi * share)))
        case "wsd":
            decay = min(max(1, round(decay_share * steps)), steps - warmup)
            return peak * (1 - math.sqrt(max(0, step - (steps - decay)) / (decay + 1)))
        case "constant":
            return peak
