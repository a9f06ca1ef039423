"""Everything that is drawn of one run: its loss, held-out losses, speed and checkpoints, over or not."""

from pathlib import Path

from pydantic import BaseModel, Field

from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.training.curves import (
    POINTS,
    CurvePoint,
    HeldoutPoint,
    Spacing,
    SpeedPoint,
    heldout_curve,
    live_heldout,
    live_losses,
    live_speed,
    loss_curve,
)
from gristmill.warehouse.queries.training.logs import logged_losses
from gristmill.warehouse.queries.training.runs import SavedStep, TrainingRun, run_folder, saved_steps


class RunCurves(BaseModel):
    """The curves of a run."""

    run: TrainingRun
    tokens_per_step: float | None = Field(description="null where the run has not said how many tokens it read")
    losses: list[CurvePoint]
    heldout: list[HeldoutPoint]
    speed: list[SpeedPoint] = Field(description="from the run's directory; empty once that is gone")
    checkpoints: list[SavedStep]


def run_curves(warehouse: Warehouse, run: TrainingRun, spacing: Spacing = "linear", points: int = POINTS) -> RunCurves:
    """The curves of a run, each of at most ``points`` points: from its directory while it is not in the warehouse."""
    folder = run_folder(warehouse, run.run)
    if run.live and folder is not None:
        losses, heldout = live_losses(folder, run.run, spacing, points), live_heldout(folder, run.run)
        losses = losses or _logged(folder, run, points)
    else:
        losses, heldout = loss_curve(warehouse, run.run, spacing, points), heldout_curve(warehouse, [run.run])
    ends = [(point.tokens, point.step) for point in losses if point.tokens and point.step]
    each = ends[-1][0] / ends[-1][1] if ends and ends[-1][0] else run.tokens_per_step
    return RunCurves(
        run=run,
        tokens_per_step=each,
        losses=losses,
        heldout=heldout,
        speed=live_speed(folder, run.run, points) if folder is not None else [],
        checkpoints=saved_steps(warehouse, [run]),
    )


def _logged(folder: Path, run: TrainingRun, points: int) -> list[CurvePoint]:
    """What another trainer has printed, in at most ``points`` points of equally many lines each."""
    told = logged_losses(folder)
    size = max(1, -(-len(told) // points))
    found = []
    for start in range(0, len(told), size):
        part = told[start : start + size]
        losses, step = [one.loss for one in part], part[-1].step
        found.append(
            CurvePoint(
                run=run.run,
                step=step,
                tokens=step * run.tokens_per_step if run.tokens_per_step else None,
                loss=sum(losses) / len(losses),
                low=min(losses),
                high=max(losses),
                learning_rate=part[-1].learning_rate,
            )
        )
    return found
