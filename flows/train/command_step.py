"""The step that runs another trainer: its job is followed by its own lines, and its checkpoints are admitted."""

import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from gristmill.core.errors import GristmillError
from gristmill.core.manifest import Manifest
from gristmill.core.steps.files import JobName, Written, job_step
from gristmill.core.steps.step import Step
from gristmill.evals.admission.adapter import ADAPTER
from gristmill.evals.admission.checkpoint import Checkpoint, admit
from gristmill.flows.train.commands import CommandRun, command_job, named
from gristmill.flows.train.jobs import run_job, shown_in
from gristmill.flows.train.retention import scored_in, surplus
from gristmill.flows.train.steps import WRITES, TrainContext, write_cost
from gristmill.schemas.tables import Checkpoints, HeldoutLosses, Losses, Runs, RunStages
from gristmill.tasks.launch.progress import number
from gristmill.tasks.mix.plan import FILE, Plan
from gristmill.tasks.train.stage_rates import stage_steps

NOT_COPIED = ("optimizer.*", "scheduler.pt", "rng_state*", "training_args.bin", "global_step*", "scaler.pt")
"""State of trainers beside the weights: large, and pickled."""


@dataclass(frozen=True)
class Found:
    """A checkpoint of a run: the folder, its step, and what admission says."""

    folder: Path
    step: int
    admitted: Checkpoint


def command_step(context: TrainContext) -> Step[CommandRun]:
    """The step of one run of another trainer. It reads a plan and a tokenizer, or nothing of the lake."""

    @job_step("train_command", version=1, writes=WRITES, files="checkpoints", named=named)
    def train(name: JobName, folders: list[Path], run: CommandRun, out: Path) -> Written:
        """Start or find the job, follow it to its end, and admit its checkpoints."""
        run_dir = (context.launcher.root / name.key).absolute()
        run_dir.mkdir(parents=True, exist_ok=True)
        job, told = command_job(name.key, run, run_dir), context.meter.counter()

        def note(progress: str) -> str:
            return f"{name.shard}: {' '.join(progress.split())[:60]}"

        live = shown_in(context.meter, name.shard, run.steps)
        status = run_job(context.launcher, job, f"training {name.shard}", run.steps, told, note, live=live)
        write_cost(context.lake, name, run.name, "cuda", run.gpus, context.launcher.name, status)
        plan = Plan.load(folders[0] / FILE) if folders else None
        return collect_command(name, run_dir, run, plan, context, out)

    return train


def collect_command(
    name: JobName, run_dir: Path, run: CommandRun, plan: Plan | None, context: TrainContext, out: Path
) -> Written:
    """Admit the checkpoints that are HF folders, copy those to keep to ``out``, and give the tables of the step.

    Of a trainer with checkpoints of its own format the tables have no checkpoint, and 0 parameters. Raises
    :class:`GristmillError` when it saved none at all, and for one that is not admitted.
    """
    found = find_checkpoints(run_dir, run)
    if not found and not any(run_dir.glob(run.recipe.checkpoint_glob)):
        raise GristmillError(
            f"the trainer ended well and saved nothing that is called {run.recipe.checkpoint_glob} in {run_dir}. "
            "See what it saved, and correct checkpoint_glob in a recipe of your own."
        )
    rows = []
    dropped = set(surplus([one.step for one in found], run.keep_last, run.keep_every))
    scored = scored_in(context.lake) if dropped else frozenset()
    for one in found:
        if one.step in dropped and one.admitted.digest not in scored:
            continue
        folder = f"step-{one.step:06d}"
        shutil.copytree(one.folder, out / folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
        rows.append(
            {
                "run": name.key,
                "mixture": name.shard,
                "step": one.step,
                "tokens": one.step * run.batch_rows * run.row_tokens,
                "first_row": 0,
                "end_row": one.step * run.batch_rows if plan is not None else 0,
                "checkpoint": one.admitted.digest,
                "path": (name.place / folder).as_posix(),
                "parameters": one.admitted.parameters,
            }
        )
    ran = {
        "run": name.key,
        "mixture": name.shard,
        "mixture_digest": plan.digest if plan is not None else "",
        "recipe": run.name,
        "launcher": context.launcher.name,
        "parameters": rows[-1]["parameters"] if rows else 0,
        "steps": run.steps,
        "tokens": rows[-1]["tokens"] if rows else run.steps * run.batch_rows * run.row_tokens,
        "status": "succeeded",
    }
    losses = [{"run": name.key, **entry} for entry in read_losses(run_dir, run)]
    # A trainer's schedule is in its own options, so the stages have no rates.
    stages = stage_steps(plan, run.steps, run.batch_rows) if plan is not None else []
    staged = [{"run": name.key, "mixture": name.shard} | asdict(stage) for stage in stages]
    tables = {Losses: losses, Runs: [ran], Checkpoints: rows, HeldoutLosses: [], RunStages: staged}
    return Written(tables=tuple(pa.Table.from_pylist(tables[table], schema=table.schema) for table in WRITES))


def unconverted(manifest: Manifest, root: Path) -> str:
    """A warning for a run without a checkpoint that can be scored; empty for others. ``root``: of the launcher."""
    if manifest.output(Checkpoints).rows:
        return ""
    return (
        f"warning: {manifest.shard}: the trainer saved checkpoints of its own format alone, so there is none to score. "
        f"Convert those in {root / manifest.key} to Hugging Face folders with safetensors, in the trainer's "
        "environment, and hand them in: gristmill evaluate FOLDER"
    )


def find_checkpoints(run_dir: Path, run: CommandRun) -> list[Found]:
    """The whole checkpoints of a run that are HF folders, by step; the last for a step saved twice."""
    folders = {mark.parent for mark in run_dir.glob(run.recipe.checkpoint_glob)}
    found = {}
    for folder in sorted(folders):
        numbers = re.findall(r"\d+", str(folder.relative_to(run_dir)))
        whole = (folder / "config.json").is_file() or (folder / ADAPTER).is_file()
        if whole and numbers and any(folder.glob("*.safetensors")):
            found[int(numbers[-1])] = Found(folder, int(numbers[-1]), admit(folder))
    return [found[step] for step in sorted(found)]


def read_losses(run_dir: Path, run: CommandRun) -> list[dict[str, Any]]:
    """The losses that the logs of all attempts tell, by step; of a step told twice, the later."""
    told: dict[int, dict[str, Any]] = {}
    logs = sorted((run_dir / "log").glob("attempt-*.out"), key=lambda path: path.stat().st_mtime)
    for log in logs:
        text = log.read_text(encoding="utf-8", errors="replace")
        for match in re.finditer(run.recipe.log_pattern, text, flags=re.MULTILINE):
            named_groups = match.groupdict()
            step, loss = number(named_groups["step"] or ""), number(named_groups.get("loss") or "")
            if step is not None and loss is not None:
                told[int(step)] = {
                    "step": int(step),
                    "tokens": int(step) * run.batch_rows * run.row_tokens,
                    "loss": loss,
                    "learning_rate": number(named_groups.get("learning_rate") or ""),
                }
    return [told[step] for step in sorted(told)]
