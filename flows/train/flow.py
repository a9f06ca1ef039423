"""The train flow: one job for each mixture, through a launcher; what it saves is admitted and becomes lake files.

A job is found before it is started, under a key made of recipe, plan, tokens and tokenizer: running the flow again
after a crash, here or on another machine that sees the same lake, never trains the same thing twice.
"""

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import wait

from gristmill.core.errors import UsageError
from gristmill.core.files.atomic import write_whole
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef, Input, Manifest
from gristmill.evals.admission.checkpoint import admit
from gristmill.flows.checks import mix_of
from gristmill.flows.engines.local import threads
from gristmill.flows.fields import LakePath
from gristmill.flows.prefect.publish import publish
from gristmill.flows.prefect.run_log import record_run
from gristmill.flows.reporter import Advance, Reporter
from gristmill.flows.train.jobs import ENVIRONMENT, follow, steps_done
from gristmill.flows.train.settings import TrainSettings
from gristmill.schemas.tables import Checkpoints, Losses, Runs
from gristmill.tasks.launch.job import Job
from gristmill.tasks.launch.local import LocalLauncher
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.train.recipe import RunSettings, TrainingRun, checkpoint_steps, run_key

VERSION = 1


@dataclass(frozen=True)
class Training:
    """One job to be: the mixture, the run's key and settings, and the lake folders it reads."""

    mixture: str
    mixture_digest: str
    key: str
    settings: RunSettings
    plan: FilesRef
    tokens: tuple[FilesRef, ...]
    tokenizer: FilesRef


def prepare(settings: TrainSettings, mix: Dataset, lake: Lake) -> list[Training]:
    """The jobs for every mixture of a mix dataset. Raises :class:`UsageError` when a plan is shorter than one step."""
    (tokenizer,) = mix.files["tokenizer"]
    jobs = []
    for plan in mix.files["plan"]:
        loaded = Plan.load(plan_path(lake, plan))
        steps = len(loaded) // settings.batch_rows
        if steps < settings.checkpoints:
            raise UsageError(
                f"mixture {plan.shard}: its plan has {len(loaded)} rows, which is {steps} steps of "
                f"{settings.batch_rows} rows; {settings.checkpoints} checkpoints need more. Raise mix.target_tokens, "
                "or lower train.batch_rows or train.checkpoints."
            )
        run = RunSettings(
            recipe=settings.recipe,
            steps=steps,
            batch_rows=settings.batch_rows,
            learning_rate=settings.learning_rate,
            seed=settings.seed,
            checkpoint_steps=checkpoint_steps(steps, settings.checkpoints),
        )
        tokens = mix.files["tokens"]
        key = run_key(run, (plan.digest, tokenizer.digest, *(ref.digest for ref in tokens)))
        jobs.append(Training(plan.shard, loaded.digest, key, run, plan, tokens, tokenizer))
    return jobs


@task(name="train", cache_policy=NO_CACHE, persist_result=False)
def train_one(training: Training, launcher_name: str, lake: Lake, advance: Advance) -> Manifest:
    """Start or find the job, follow it to its end, admit its checkpoints and commit them."""
    inputs = tuple(
        Input(table=f"files/{ref.name}", shard=ref.shard, digest=ref.digest)
        for ref in (training.plan, training.tokenizer, *training.tokens)
    )
    known = lake.manifest("train", training.mixture, training.key)
    if known is not None:
        advance(training.settings.steps, "cached")
        return known
    for ref in (training.plan, training.tokenizer, *training.tokens):
        lake.check_files(ref)
    root = lake.root / "log" / "training"
    run_dir = root / training.key
    run_dir.mkdir(parents=True, exist_ok=True)
    run = TrainingRun(
        settings=training.settings,
        plan=str(plan_path(lake, training.plan)),
        stores=tuple(str(lake.files_path(ref)) for ref in training.tokens),
        tokenizer=str(lake.files_path(training.tokenizer)),
    )
    # By rename: another flow may follow the same job, whose trainer may be about to read this.
    write_whole(run_dir / "train.json", run.model_dump_json())
    job = Job(
        key=training.key,
        argv=(sys.executable, "-P", "-u", "-m", "gristmill.tasks.train.trainer", str(run_dir)),
        environment=ENVIRONMENT,
    )
    shown = 0

    def tell(progress: str) -> None:
        nonlocal shown
        done = steps_done(progress)
        advance(max(0, done - shown), f"{training.mixture}: {' '.join(progress.split()[4:6])}")
        shown = max(shown, done)

    follow(LocalLauncher(root), job, f"training on mixture {training.mixture}", tell)
    return collect(training, launcher_name, run_dir, inputs, lake)


def collect(training: Training, launcher_name: str, run_dir: Path, inputs: tuple[Input, ...], lake: Lake) -> Manifest:
    """Admit every checkpoint, copy them into the lake, and write losses, run and checkpoints as tables."""
    losses = [json.loads(line) for line in (run_dir / "losses.jsonl").read_text(encoding="utf-8").splitlines()]
    found: list[dict[str, Any]] = []
    with lake.temporary() as folder:
        out = folder / "out"
        for step in training.settings.checkpoint_steps:
            source = run_dir / "checkpoints" / f"step-{step:06d}"
            admitted = admit(source)
            facts = json.loads((source / "checkpoint.json").read_text(encoding="utf-8"))
            shutil.copytree(source, out / source.name)
            found.append({"name": source.name, "digest": admitted.digest, "parameters": admitted.parameters, **facts})
        files = lake.publish_files(out, "checkpoints", training.mixture, training.key)
    relative = lake.files_path(files).relative_to(lake.root)
    checkpoints = [
        {
            "run": training.key,
            "mixture": training.mixture,
            "step": entry["step"],
            "tokens": entry["tokens"],
            "first_row": entry["first_row"],
            "end_row": entry["end_row"],
            "checkpoint": entry["digest"],
            "path": (relative / entry["name"]).as_posix(),
            "parameters": entry["parameters"],
        }
        for entry in found
    ]
    run = {
        "run": training.key,
        "mixture": training.mixture,
        "mixture_digest": training.mixture_digest,
        "recipe": training.settings.recipe,
        "launcher": launcher_name,
        "parameters": found[-1]["parameters"],
        "steps": training.settings.steps,
        "tokens": found[-1]["tokens"],
        "status": "succeeded",
    }
    shard, key = training.mixture, training.key
    outputs = (
        lake.write_table(Losses, shard, key, pa.Table.from_pylist([{"run": key, **entry} for entry in losses])),
        lake.write_table(Runs, shard, key, pa.Table.from_pylist([run])),
        lake.write_table(Checkpoints, shard, key, pa.Table.from_pylist(checkpoints)),
    )
    manifest = Manifest(
        step="train",
        version=VERSION,
        shard=shard,
        key=key,
        config=training.settings.model_dump(mode="json"),
        inputs=inputs,
        rows_in={},
        outputs=outputs,
        files=(files,),
    )
    lake.write_manifest(manifest)
    return manifest


def run_training(settings: TrainSettings, mix: Dataset, lake: Lake, report: Reporter) -> Dataset:
    """Train on every mixture at the same time and commit the dataset ``training``."""
    jobs = prepare(settings, mix, lake)
    with report.track("train", sum(job.settings.steps for job in jobs), "steps") as advance:
        futures = [
            train_one.with_options(task_run_name=f"train {job.mixture}").submit(job, settings.launcher, lake, advance)
            for job in jobs
        ]
        wait(futures)
        manifests = [future.result() for future in futures]
    tables = {
        table.name: tuple(manifest.output(table) for manifest in manifests) for table in (Losses, Runs, Checkpoints)
    }
    dataset = Dataset(
        kind="training",
        name=mix.name,
        config={"settings": settings.model_dump(mode="json"), "mix": mix.key},
        counts={"runs": len(jobs), "checkpoints": sum(ref.rows for ref in tables[Checkpoints.name])},
        tables=tables,
        files={"checkpoints": tuple(ref for manifest in manifests for ref in manifest.files)},
    )
    lake.commit(dataset)
    return dataset


def plan_path(lake: Lake, plan: FilesRef) -> Path:
    """The plan file of a plan folder."""
    return lake.files_path(plan) / "plan.json"


@flow(name="train", task_runner=threads(8))
def train(lake: LakePath, settings: TrainSettings, mix: str = "default") -> dict[str, Any]:
    """Train one model for each mixture of a mix and save checkpoints.

    Args:
        lake: Folder of the lake.
        settings: Recipe, launcher and number of checkpoints.
        mix: Name of the mix to train on.
    """
    home = Lake.open(Path(lake))
    with Reporter() as report, record_run(home, "train", mix) as record:
        trained = run_training(settings, mix_of(mix, home), home, report)
        record.counts.update(trained.counts)
    with Reporter() as report:
        publish(home, report)
    return trained.counts
