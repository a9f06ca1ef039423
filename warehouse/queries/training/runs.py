"""Training runs that ended, with those that wait, run, or came to nothing, as their run directories tell.

A run directory is ``LAKE/log/training/KEY`` (``tasks/launch/job.py`` says what is in it). Its ``status.json`` is
written by the watcher at every beat; a run enters the warehouse once the flow that follows it took its checkpoints.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Field, ValidationError

from gristmill.warehouse.connection import Warehouse

FOLDER = ("log", "training")
MOST_LIVE = 100
"""Run directories that are read, the newest first."""
SILENT_SECONDS = 120.0
"""A job whose watcher has not written for so long may be gone."""
LIVE = ("queued", "running", "preempted", "stalled", "silent")
CHECKPOINT = re.compile(r"step-(\d+)")

M = TypeVar("M", bound=BaseModel)


class TrainingRun(BaseModel):
    """A training run, over or not."""

    run: str = Field(description="key of the run, and name of its directory below log/training")
    mix: str = Field(default="", description="the mix, or the recipe where that trains on examples")
    mixture: str = ""
    recipe: str = ""
    launcher: str = ""
    device: str = ""
    processes: int | None = None
    state: str = Field(
        description="succeeded, queued, running, preempted, stalled (alive and says nothing), silent (its watcher does "
        "not write any more), failed, cancelled or lost"
    )
    reason: str = Field(default="", description="why it waits, or how it ended")
    live: bool = Field(default=False, description="known from its directory alone: it is not in the warehouse")
    step: int | None = None
    steps: int | None = None
    tokens: int | None = None
    loss: float | None = Field(default=None, description="nats a token")
    heldout: float | None = Field(default=None, description="last held-out loss, mean over domains")
    parameters: int | None = None
    checkpoints: int | None = None
    tokens_per_second: float | None = None
    mfu: float | None = Field(default=None, description="model FLOPs utilisation, where the GPU is known")
    attempts: int | None = None
    preemptions: int | None = None
    failures: int | None = None
    gpu_seconds: float | None = Field(default=None, description="seconds times GPUs, all attempts")
    wasted_seconds: float | None = Field(default=None, description="after the last checkpoint before an attempt's end")
    wasted_gpu_seconds: float | None = None
    tokens_per_step: int | None = Field(default=None, description="of another trainer's live run; null otherwise")
    heartbeat_age: float | None = Field(default=None, description="seconds since its watcher wrote; for live runs")


class SavedStep(BaseModel):
    """A checkpoint on the curve of a run."""

    run: str
    step: int
    tokens: int | None
    checkpoint: str = Field(description="digest; empty while its run goes on, since it is not admitted yet")


class JobStatus(BaseModel):
    """What pages take from ``status.json``; the rest is ignored. ``state`` tells stalled and silent from running."""

    state: str = "queued"
    attempt: int = 1
    reason: str = ""
    heartbeat: float = 0.0
    age: float | None = None
    """Seconds since the watcher wrote."""
    stalled: bool = False
    step: int | None = None
    steps: int | None = None
    loss: float | None = None
    tokens: int | None = None
    tokens_per_second: float | None = None
    mfu: float | None = None
    preemptions: int = 0
    failures: int = 0
    gpu_seconds: float = 0.0
    wasted_seconds: float = 0.0
    wasted_gpu_seconds: float = 0.0


class _Shape(BaseModel):
    recipe: str = ""
    steps: int | None = None
    device: str = ""
    processes: int = 1


class _Told(BaseModel):
    """What the page takes from ``train.json``, or from ``command.json`` of another trainer, which has a name alone."""

    settings: _Shape = _Shape()
    plan: str = ""
    name: str = ""
    tokens_per_step: int = 0


def run_folder(warehouse: Warehouse, run: str) -> Path | None:
    """The directory of a run; None for a name that is none."""
    folder = warehouse.root.joinpath(*FOLDER, run)
    return folder if re.fullmatch(r"[\w.-]+", run) and not run.startswith(".") and folder.is_dir() else None


def training_runs(warehouse: Warehouse) -> list[TrainingRun]:
    """Runs that are not over first, then those of the warehouse with the last trained mix first, then those that ended
    and are not in the warehouse: they failed, or were trained again on other data since."""
    ended = _ended(warehouse)
    known = {run.run for run in ended}
    others = [run for run in _from_folders(warehouse) if run.run not in known]
    going = sorted((run for run in others if run.state in LIVE), key=lambda run: (run.mixture, run.run))
    return [*going, *ended, *(run for run in others if run.state not in LIVE)]


def saved_steps(warehouse: Warehouse, runs: list[TrainingRun]) -> list[SavedStep]:
    """The checkpoints of runs, by step."""
    rows = warehouse.query(
        "SELECT run, step, tokens, checkpoint FROM checkpoints WHERE run IN (SELECT unnest($runs::VARCHAR[])) "
        "ORDER BY run, step LIMIT 5000",
        {"runs": [run.run for run in runs if not run.live]},
    )
    found = [SavedStep.model_validate(row) for row in rows]
    for run in runs:
        folder = run_folder(warehouse, run.run) if run.live else None
        for path in sorted((folder / "checkpoints").glob("step-*/checkpoint.json")) if folder else ():
            step = CHECKPOINT.search(path.parent.name)
            if step:
                found.append(SavedStep(run=run.run, step=int(step[1]), tokens=None, checkpoint=""))
    return found


def _ended(warehouse: Warehouse) -> list[TrainingRun]:
    rows = warehouse.query(
        """
        SELECT run.*, status AS state, steps AS step FROM training_runs AS run
        LEFT JOIN (SELECT name, max(started_at) AS at FROM flow_runs WHERE flow = 'train' GROUP BY name) AS made
            ON made.name = run.mix
        ORDER BY made.at DESC NULLS LAST, mix, mixture, run LIMIT 2000
        """
    )
    filled = [{name: value for name, value in row.items() if value is not None} for row in rows]
    return [TrainingRun.model_validate(row) for row in filled]


def read_status(folder: Path) -> JobStatus | None:
    """How the job of a run directory stands now; None where there is none."""
    status = _read(folder / "status.json", JobStatus)
    if status is None:
        return None
    age, state = max(0.0, time.time() - status.heartbeat) if status.heartbeat else None, status.state
    if state == "running" and status.stalled:
        state = "stalled"
    elif state == "running" and age is not None and age > SILENT_SECONDS:
        state = "silent"
    return status.model_copy(update={"state": state, "age": age})


def recent_folders(root: Path) -> list[Path]:
    """The run directories below ``root`` that told something last, at most ``MOST_LIVE``."""
    folders = sorted(root.iterdir(), key=_changed, reverse=True)[:MOST_LIVE] if root.is_dir() else []
    return [folder for folder in folders if folder.is_dir()]


def _from_folders(warehouse: Warehouse) -> Iterator[TrainingRun]:
    for folder in recent_folders(warehouse.root.joinpath(*FOLDER)):
        status = read_status(folder)
        told = _read(folder / "train.json", _Told) or _read(folder / "command.json", _Told)
        if status is None and told is None:
            continue
        status, told = status or _unsaid(folder), told or _Told()
        yield TrainingRun(
            **status.model_dump(exclude={"attempt", "heartbeat", "age", "stalled", "steps"}),
            run=folder.name,
            live=True,
            mixture=_mixture(told.plan) or told.name,
            recipe=told.settings.recipe,
            launcher=_launcher(folder),
            device=told.settings.device,
            processes=told.settings.processes,
            steps=status.steps or told.settings.steps,
            attempts=status.attempt,
            checkpoints=len(list((folder / "checkpoints").glob("*/checkpoint.json"))),
            tokens_per_step=told.tokens_per_step or None,
            heartbeat_age=status.age,
        )


def _unsaid(folder: Path) -> JobStatus:
    """How a job stands that never wrote a status: in the queue of its scheduler, or never handed to one."""
    waited = time.time() - _changed(folder)
    return JobStatus() if _launcher(folder) or waited < SILENT_SECONDS else JobStatus(state="not started")


def _changed(folder: Path) -> float:
    """When a run last told how it stands; the beginning of time for a directory that is gone meanwhile."""
    for path in (folder / "status.json", folder):
        try:
            return path.stat().st_mtime
        except OSError:
            continue
    return 0.0


def _mixture(plan: str) -> str:
    """The mixture of a plan, whose file is ``.../plan/MIXTURE/KEY/plan.json``."""
    parts = Path(plan).parts
    return parts[-3] if len(parts) > 3 and parts[-4] == "plan" else ""


def _launcher(folder: Path) -> str:
    """What runs a job, by the file that its launcher leaves."""
    for name, launcher in (("slurm.json", "slurm"), ("kubernetes.yaml", "kubernetes"), ("watcher.json", "local")):
        if (folder / name).is_file():
            return launcher
    return ""


def _read(path: Path, model: type[M]) -> M | None:
    """A file of a run directory; None when it is not there, or another version's."""
    try:
        return model.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
