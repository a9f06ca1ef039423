"""The train flow: one job for each mixture, through a launcher; what it saves is admitted and becomes lake files.

A job is found before it is started, under a key made of recipe, plan, tokens and tokenizer: running the flow again
after a crash, here or on another machine that sees the same lake, never trains the same thing twice.
"""

from pathlib import Path
from typing import Any

from prefect import flow

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef
from gristmill.core.steps.inputs import Inputs
from gristmill.flows.checks import mix_of
from gristmill.flows.engines.engine import Work
from gristmill.flows.engines.local import LocalEngine, threads
from gristmill.flows.fields import LakePath
from gristmill.flows.prefect.publish import publish
from gristmill.flows.prefect.run_log import record_run
from gristmill.flows.reporter import Meter, Reporter
from gristmill.flows.running import run_step
from gristmill.flows.train.launchers import launcher_of
from gristmill.flows.train.settings import TrainSettings
from gristmill.flows.train.steps import TrainContext, train_step
from gristmill.schemas.tables import Checkpoints, Losses, Runs
from gristmill.tasks.mix.plan import FILE, Plan
from gristmill.tasks.train.recipe import RunSettings, checkpoint_steps

SIDE_BY_SIDE = 8


def prepare(settings: TrainSettings, mix: Dataset, lake: Lake) -> list[Work[RunSettings]]:
    """The runs of the step, one for each mixture of a mix dataset.

    Raises :class:`UsageError` when a plan is shorter than one step.
    """
    (tokenizer,) = mix.files["tokenizer"]
    work = []
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
        inputs = Inputs(files=(plan, tokenizer, *mix.files["tokens"]))
        work.append(Work(plan.shard, inputs, plan.shard, run, units=steps))
    return work


def run_training(settings: TrainSettings, mix: Dataset, lake: Lake, report: Reporter) -> Dataset:
    """Train on every mixture at the same time and commit the dataset ``training``."""
    work, meter = prepare(settings, mix, lake), Meter()
    context = TrainContext(launcher_of(settings, lake.root / "log" / "training"), meter)
    engine = LocalEngine(workers=SIDE_BY_SIDE)
    manifests = run_step(train_step(context), work, lake, report, unit="steps", meter=meter, engine=engine)
    tables = {
        table.name: tuple(manifest.output(table) for manifest in manifests) for table in (Losses, Runs, Checkpoints)
    }
    dataset = Dataset(
        kind="training",
        name=mix.name,
        config={"settings": settings.lasting(), "mix": mix.key},
        counts={"runs": len(work), "checkpoints": sum(ref.rows for ref in tables[Checkpoints.name])},
        tables=tables,
        files={"checkpoints": tuple(ref for manifest in manifests for ref in manifest.files)},
    )
    lake.commit(dataset)
    return dataset


def plan_path(lake: Lake, plan: FilesRef) -> Path:
    """The plan file of a plan folder."""
    return lake.files_path(plan) / FILE


@flow(name="train", task_runner=threads())
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
