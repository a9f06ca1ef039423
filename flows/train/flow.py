"""The train flow: one job for each mixture, through a launcher; what it saves is admitted and becomes lake files.

A job is found before it is started, under a key made of recipe, plan, tokens and tokenizer: running the flow again
after a crash, here or on another machine that sees the same lake, never trains the same thing twice.
"""

from pathlib import Path
from typing import Any

from prefect import flow

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.flows.engines.local import LocalEngine, threads
from gristmill.flows.fields import LakePath
from gristmill.flows.prefect.publish import publish
from gristmill.flows.prefect.run_log import record_run
from gristmill.flows.reporter import Meter, Reporter
from gristmill.flows.review.signing import check_signed
from gristmill.flows.running import run_step
from gristmill.flows.train.command_step import command_step, unconverted
from gristmill.flows.train.commands import prepare_commands
from gristmill.flows.train.launchers import launcher_of
from gristmill.flows.train.planning import careful_runs, expected, mix_for, prepare
from gristmill.flows.train.settings import TrainSettings
from gristmill.flows.train.steps import WRITES, TrainContext, train_step
from gristmill.schemas.tables import Checkpoints, Runs
from gristmill.tasks.train.commands import TrainerRecipe, load_recipe

SIDE_BY_SIDE = 8


def run_training(settings: TrainSettings, mix: Dataset | None, lake: Lake, report: Reporter) -> Dataset:
    """Run everything that the recipe trains at the same time and commit the dataset ``training``.

    It has the name of the mix, or of the recipe where that trains on examples.
    """
    name, recipe = load_recipe(settings.recipe)
    meter, engine = Meter(), LocalEngine(workers=SIDE_BY_SIDE)
    context = TrainContext(lake, launcher_of(settings, lake.root / "log" / "training"), settings.nodes, meter)
    if isinstance(recipe, TrainerRecipe):
        commands = prepare_commands(settings, name, recipe, mix, lake)
        manifests = run_step(command_step(context), commands, lake, report, unit="steps", meter=meter, engine=engine)
        for line in filter(None, (unconverted(manifest, context.launcher.root) for manifest in manifests)):
            report.say(line)
    else:
        work = prepare(settings, name, recipe, expected(mix), lake)
        for line in careful_runs(work, lake):
            report.say(f"Careful: {line}")
        manifests = run_step(train_step(context), work, lake, report, unit="steps", meter=meter, engine=engine)
    tables = {
        # A run of an earlier version has fewer tables.
        table.name: tuple(ref for manifest in manifests for ref in manifest.outputs if ref.table == table.name)
        for table in WRITES
    }
    dataset = Dataset(
        kind="training",
        name=mix.name if mix is not None else name,
        config={"settings": settings.lasting(), "mix": mix.key if mix is not None else ""},
        counts={"runs": len(manifests), "checkpoints": sum(ref.rows for ref in tables[Checkpoints.name])},
        tables=tables,
        files={"checkpoints": tuple(ref for manifest in manifests for ref in manifest.files)},
    )
    for line in left_out(lake.dataset("training", dataset.name), dataset):
        report.say(line)
    lake.commit(dataset)
    return dataset


def left_out(before: Dataset | None, now: Dataset) -> list[str]:
    """What to say of the runs that the tables show no longer because ``now`` takes the place of ``before``."""
    kept = set(now.tables[Runs.name])
    gone = sorted(ref.shard for ref in (before.tables[Runs.name] if before is not None else ()) if ref not in kept)
    if not gone:
        return []
    return [
        f"Careful: earlier runs of {now.name} ({', '.join(gone)}) had other settings or data. They leave the tables of "
        "training and lineage; their scores stay. To keep both, train on a mix of another name (gristmill mix --name)"
    ]


@flow(name="train", task_runner=threads())
def train(lake: LakePath, settings: TrainSettings, mix: str = "default") -> dict[str, Any]:
    """Train one model for each mixture of a mix, or one on examples, and save checkpoints.

    Args:
        lake: Folder of the lake.
        settings: Recipe, launcher and number of checkpoints.
        mix: Name of the mix to train on.
    """
    home = Lake.open(Path(lake))
    with Reporter() as report, record_run(home, "train", mix) as record:
        read = mix_for(settings, mix, home)
        if read is not None:
            for source in check_signed(read, home, unsigned=settings.unsigned):
                report.say(f"Unsigned: nobody signed off {source}; what is trained on it is marked.")
        trained = run_training(settings, read, home, report)
        record.counts.update(trained.counts)
    with Reporter() as report:
        publish(home, report)
    return trained.counts
