"""The step of training: a job for one mixture, whose checkpoints are admitted and become lake files."""

import json
import shutil
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from gristmill.core.errors import GristmillError
from gristmill.core.files.atomic import write_whole
from gristmill.core.lake import Lake
from gristmill.core.steps.files import JobName, Written, job_step
from gristmill.core.steps.step import Step, StepContext
from gristmill.evals.admission.checkpoint import admit
from gristmill.flows.reporter import Meter
from gristmill.flows.train.jobs import module_job, run_job, shown_in
from gristmill.flows.train.retention import prune, scored_in, surplus, whole
from gristmill.schemas.tables import Checkpoints, HeldoutLosses, Losses, Runs, RunStages
from gristmill.tasks.launch.job import Launcher, Status
from gristmill.tasks.mix.plan import FILE, Plan
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.train.recipe import RunSettings, TrainingRun, run_key
from gristmill.tasks.train.run_files import HELDOUT, LOSSES, checkpoint_path, read_lines, saved_step, state_path
from gristmill.tasks.train.stage_rates import FILE as STAGES
from gristmill.tasks.train.stage_rates import stage_rates

TRAINER = "gristmill.tasks.train.trainer"
COSTS = {"preemptions", "failures", "tokens_per_second", "mfu", "gpu_seconds", "wasted_seconds", "wasted_gpu_seconds"}
WRITES = (Losses, Runs, Checkpoints, HeldoutLosses, RunStages)


@dataclass(frozen=True)
class TrainContext(StepContext):
    """The lake, where the jobs run and on how many nodes each, and the display."""

    lake: Lake
    launcher: Launcher
    nodes: int
    meter: Meter


def train_step(context: TrainContext) -> Step[RunSettings]:
    """The step that trains on one mixture. It reads three kinds of folders: plan, tokenizer, and those of tokens."""

    @job_step("train", version=1, writes=WRITES, files="checkpoints", named=run_key)
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
        read, store = Plan.load(plan / FILE), TokenStore.open(stores)
        write_whole(run_dir / STAGES, stages_file(read, settings))
        job = module_job(
            name.key,
            TRAINER,
            run_dir,
            processes=settings.processes,
            nodes=context.nodes,
            gpus=settings.processes if settings.device == "cuda" else 0,
            flops_per_token=settings.shape.flops_per_token(store.vocab_size, read.row_tokens - 1),
            saves_when_asked=True,
        )
        told = context.meter.counter()
        digests: dict[int, str] = {}

        @cache  # once for each step that is saved, not for each line that the trainer writes
        def prune_to(step: int) -> None:
            """Delete the surplus of what was saved up to ``step``."""
            saved = [each for each in settings.checkpoint_steps if each <= step]
            places = partial(checkpoint_path, run_dir), partial(state_path, run_dir)
            prune(saved, settings.keep_last, settings.keep_every, *places, partial(scored_in, context.lake), digests)

        def note(progress: str) -> str:
            prune_to(saved_step(run_dir, settings))
            words = progress.split()
            return " ".join([f"{name.shard}:", *words[4:6], *words[9:11]])

        live = shown_in(context.meter, name.shard, settings.steps)
        what = f"training on mixture {name.shard}"
        status = run_job(context.launcher, job, what, settings.steps, told, note, live=live)
        prune_to(settings.steps)
        recipe, device, processes = settings.recipe, settings.device, settings.processes
        write_cost(context.lake, name, recipe, device, processes, context.launcher.name, status)
        return collect(name, run_dir, settings, read, context.launcher.name, out)

    return train


def stages_file(plan: Plan, settings: RunSettings) -> str:
    """``stages.json`` of a run directory: the stages of the data beside the learning rate of each."""
    return json.dumps([asdict(stage) for stage in stage_rates(plan, settings)], indent=1)


def write_cost(
    lake: Lake, name: JobName, recipe: str, device: str, processes: int, launcher: str, status: Status
) -> None:
    """Log what the run took, for the table ``training_costs`` of the warehouse."""
    taken = status.model_dump(include=COSTS) | {"attempts": status.attempt}
    run = {"run": name.key, "mixture": name.shard, "recipe": recipe, "launcher": launcher}
    where = {"device": device, "processes": processes}
    write_whole(lake.log_path("training_costs", f"{name.key}.json"), json.dumps(run | where | taken))


def collect(name: JobName, run_dir: Path, settings: RunSettings, plan: Plan, launcher: str, out: Path) -> Written:
    """Admit every checkpoint of a run, copy them to ``out``, and give the tables of the step.

    One that was deleted is left out, by whichever flow that follows the run. Raises
    :class:`gristmill.core.errors.GristmillError` for a checkpoint to be kept that is not admitted, the last among them.
    """
    said = {
        table: [{"run": name.key, **entry} for entry in read_lines(run_dir / file)]
        for table, file in ((Losses, LOSSES), (HeldoutLosses, HELDOUT))
    }
    pruned = set(surplus(settings.checkpoint_steps, settings.keep_last, settings.keep_every))
    checkpoints = []
    for step in settings.checkpoint_steps:
        place, last = checkpoint_path(run_dir, step), step == settings.checkpoint_steps[-1]
        if not whole(place) and not last:
            continue
        try:
            checkpoints.append(_checkpoint(name, place, out))
        except (GristmillError, OSError):
            if last or (step not in pruned and whole(place)):
                raise
            shutil.rmtree(out / place.name, ignore_errors=True)  # deleted by another flow meanwhile, or not admitted
    run = {
        "run": name.key,
        "mixture": name.shard,
        "mixture_digest": plan.digest,
        "recipe": settings.recipe,
        "launcher": launcher,
        "parameters": checkpoints[-1]["parameters"],
        "steps": settings.steps,
        "tokens": checkpoints[-1]["tokens"],
        "status": "succeeded",
    }
    stages = [{"run": name.key, "mixture": name.shard} | asdict(stage) for stage in stage_rates(plan, settings)]
    rows = said | {Runs: [run], Checkpoints: checkpoints, RunStages: stages}
    return Written(tables=tuple(pa.Table.from_pylist(rows[table], schema=table.schema) for table in WRITES))


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
