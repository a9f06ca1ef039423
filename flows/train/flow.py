"""The train flow: one job for each mixture, through a launcher; what it saves is admitted and becomes lake files.

A job is found before it is started, under a key made of recipe, plan, tokens and tokenizer: running the flow again
after a crash, here or on another machine that sees the same lake, never trains the same thing twice.
"""

from pathlib import Path
from typing import Any

from prefect import flow

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.flows.checks import mix_of
from gristmill.flows.engines.local import LocalEngine, threads
from gristmill.flows.fields import LakePath
from gristmill.flows.prefect.publish import publish
from gristmill.flows.prefect.run_log import record_run
from gristmill.flows.reporter import Meter, Reporter
from gristmill.flows.running import run_step
from gristmill.flows.train.launchers import launcher_of
from gristmill.flows.train.planning import prepare
from gristmill.flows.train.settings import TrainSettings
from gristmill.flows.train.steps import WRITES, TrainContext, train_step
from gristmill.schemas.tables import Checkpoints

SIDE_BY_SIDE = 8


def run_training(settings: TrainSettings, mix: Dataset, lake: Lake, report: Reporter) -> Dataset:
    """Train on every mixture at the same time and commit the dataset ``training``."""
    work, meter = prepare(settings, mix, lake), Meter()
    context = TrainContext(lake, launcher_of(settings, lake.root / "log" / "training"), settings.nodes, meter)
    engine = LocalEngine(workers=SIDE_BY_SIDE)
    manifests = run_step(train_step(context), work, lake, report, unit="steps", meter=meter, engine=engine)
    tables = {
        # A run of an earlier version has fewer tables.
        table.name: tuple(ref for manifest in manifests for ref in manifest.outputs if ref.table == table.name)
        for table in WRITES
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
