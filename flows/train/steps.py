"""The step of training: a job for one mixture, whose checkpoints are admitted and become lake files."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from gristmill.core.files.atomic import write_whole
from gristmill.core.steps.files import JobName, Written, job_step
from gristmill.core.steps.step import Step, StepContext
from gristmill.evals.admission.checkpoint import admit
from gristmill.flows.reporter import Meter
from gristmill.flows.train.jobs import module_job, run_job
from gristmill.schemas.tables import Checkpoints, Losses, Runs
from gristmill.tasks.launch.job import Launcher
from gristmill.tasks.mix.plan import FILE, Plan
from gristmill.tasks.train.recipe import RunSettings, TrainingRun, run_key

TRAINER = "gristmill.tasks.train.trainer"


@dataclass(frozen=True)
class TrainContext(StepContext):
    """Where the jobs run, and the display."""

    launcher: Launcher
    meter: Meter


def train_step(context: TrainContext) -> Step[RunSettings]:
    """The step that trains on one mixture. It reads three kinds of folders: plan, tokenizer, and those of tokens."""

    @job_step("train", version=1, writes=(Losses, Runs, Checkpoints), files="checkpoints", named=run_key)
    def train(name: JobName, folders: list[Path], settings: RunSettings, out: Path) -> Written:
        """Start or find the job, follow it to its end, and admit its checkpoints."""
        plan, tokenizer, *stores = folders
        run_dir = context.launcher.root / name.key
        run_dir.mkdir(parents=True, exist_ok=True)
        run = TrainingRun(
            settings=settings, plan=str(plan / FILE), stores=tuple(map(str, stores)), tokenizer=str(tokenizer)
        )
        # By rename: another flow may follow the same job, whose trainer may be about to read this.
        write_whole(run_dir / "train.json", run.model_dump_json())
        job, told = module_job(name.key, TRAINER, run_dir), context.meter.counter()

        def note(progress: str) -> str:
            return f"{name.shard}: {' '.join(progress.split()[4:6])}"

        run_job(context.launcher, job, f"training on mixture {name.shard}", settings.steps, told, note)
        digest = Plan.load(plan / FILE).digest
        return collect(name, run_dir, settings, digest, context.launcher.name, out)

    return train


def collect(
    name: JobName, run_dir: Path, settings: RunSettings, mixture_digest: str, launcher: str, out: Path
) -> Written:
    """Admit every checkpoint of a run, copy them to ``out``, and give losses, run and checkpoints as tables.

    Raises :class:`gristmill.core.errors.GristmillError` for a checkpoint that is not admitted.
    """
    losses = [json.loads(line) for line in (run_dir / "losses.jsonl").read_text(encoding="utf-8").splitlines()]
    checkpoints = [
        _checkpoint(name, run_dir / "checkpoints" / f"step-{step:06d}", out) for step in settings.checkpoint_steps
    ]
    run = {
        "run": name.key,
        "mixture": name.shard,
        "mixture_digest": mixture_digest,
        "recipe": settings.recipe,
        "launcher": launcher,
        "parameters": checkpoints[-1]["parameters"],
        "steps": settings.steps,
        "tokens": checkpoints[-1]["tokens"],
        "status": "succeeded",
    }
    rows: Sequence[list[dict[str, Any]]] = ([{"run": name.key, **entry} for entry in losses], [run], checkpoints)
    return Written(tables=tuple(pa.Table.from_pylist(each) for each in rows))


def _checkpoint(name: JobName, source: Path, out: Path) -> dict[str, Any]:
    """Admit a checkpoint and copy it to ``out``. Returns its row."""
    admitted = admit(source)
    facts = json.loads((source / "checkpoint.json").read_text(encoding="utf-8"))
    shutil.copytree(source, out / source.name)
    return {
        "run": name.key,
        "mixture": name.shard,
        "step": facts["step"],
        "tokens": facts["tokens"],
        "first_row": facts["first_row"],
        "end_row": facts["end_row"],
        "checkpoint": admitted.digest,
        "path": (name.place / source.name).as_posix(),
        "parameters": admitted.parameters,
    }
