"""The stages of a run beside its learning rate, which decides whether an order of the data can help.

What comes last is learnt at the rate that is left then. With the quality ascending, a decay of the rate undoes what the
order gives; with a constant rate, or a short decay, it pays (arXiv 2511.18903). The same holds for a last stage of
other weights: it needs rate to be heard. No torch here. Cost: at most 1,000 rates a stage.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.train.recipe import RunSettings
from gristmill.tasks.train.schedule import learning_rate

FILE = "stages.json"
LEAST_RATE = 0.2
"""Of the peak: a stage whose rows have less on average is hardly heard."""
END = 0.2
"""The part of a sorted stage, at its end, that holds what it was sorted for."""
SAMPLES = 1000


@dataclass(frozen=True)
class StageRate:
    """One stage of a run: its steps, counted from 1, and the order of its rows; ``signal`` is None when shuffled.

    ``mean_rate`` and ``end_rate`` (of its last fifth) are shares of the peak. Rates are None where a trainer does not
    tell its schedule.
    """

    stage: int
    first_step: int
    last_step: int
    signal: str | None
    descending: bool | None
    schedule: str | None = None
    first_rate: float | None = None
    last_rate: float | None = None
    mean_rate: float | None = None
    end_rate: float | None = None


def stage_rates(plan: Plan, settings: RunSettings) -> list[StageRate]:
    """The stages that a run of the embedded trainer reads rows of."""

    def rate(step: int) -> float:
        warmup, decay = settings.shape.warmup_share, settings.decay_share
        return learning_rate(settings.schedule, 1.0, step, settings.steps, warmup_share=warmup, decay_share=decay)

    stages = stage_steps(plan, settings.steps, settings.batch_rows)
    return [with_rates(stage, settings.schedule, settings.learning_rate, rate) for stage in stages]


def stage_steps(plan: Plan, steps: int, batch_rows: int) -> list[StageRate]:
    """The stages that a run of any trainer reads rows of, without rates."""
    found = []
    for number, (stage, (first, end, _)) in enumerate(zip(plan.stages, plan.spans, strict=True)):
        begun, ended = first // batch_rows + 1, min((end - 1) // batch_rows + 1, steps)
        if begun <= ended:
            signal = stage.order.signal if stage.order is not None else None
            descending = stage.order.descending if stage.order is not None else None
            found.append(StageRate(number, begun, ended, signal, descending))
    return found


def with_rates(stage: StageRate, schedule: str, peak: float, rate: Callable[[int], float]) -> StageRate:
    """The stage with its rates; ``rate`` gives that of a step as a share of the peak."""
    first, last = stage.first_step, stage.last_step
    end = last - max(round((last - first + 1) * END), 1) + 1
    return replace(
        stage,
        schedule=schedule,
        first_rate=peak * rate(first),
        last_rate=peak * rate(last),
        mean_rate=_mean(rate, first, last),
        end_rate=_mean(rate, end, last),
    )


def careful(stages: Sequence[StageRate], steps: int) -> list[str]:
    """A line for each stage of a run of ``steps`` steps that its learning rate hardly lets help."""
    return [line for line in (_hardly_heard(stage, len(stages), steps) for stage in stages) if line]


def _hardly_heard(stage: StageRate, stages: int, steps: int) -> str:
    share = (stage.last_step - stage.first_step + 1) / steps
    if stage.signal is not None and stage.end_rate is not None and stage.end_rate < LEAST_RATE:
        what = f"stage {stage.stage} is sorted by {stage.signal}, and what comes last is read at {stage.end_rate:.0%}"
        why, decay = "where an order hardly helps (arXiv 2511.18903)", share * END
    elif stages > 1 and stage.stage == stages - 1 and stage.mean_rate is not None and stage.mean_rate < LEAST_RATE:
        what = f"the last stage, stage {stage.stage}, is read at {stage.mean_rate:.0%}"
        why, decay = "where other data hardly helps", share
    else:
        return ""
    return (
        f"{what} of the peak learning rate ({stage.schedule}), {why}. Train with --schedule constant, or with "
        f"--schedule wsd and a decay that begins no earlier (--set decay_share={decay:.2g})."
    )


def _mean(rate: Callable[[int], float], first: int, last: int) -> float:
    rates = [rate(step) for step in np.unique(np.linspace(first, last, SAMPLES).round()).astype(int).tolist()]
    return sum(rates) / len(rates)
