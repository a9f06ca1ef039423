"""The flow of an experiment: one token store, a plan and a training run for each arm and seed, scores, effects.

Every step is found by its content, so a run that was killed goes on, and more seeds or arms add to what is there: no
job runs twice. Runs of one seed share their initial weights and, where both hold a row, its place.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
from prefect import flow

from gristmill.core.digests import digest_json
from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Manifest, Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.flows.checks import curated_refs
from gristmill.flows.engines.engine import Work
from gristmill.flows.engines.local import LocalEngine, threads
from gristmill.flows.evaluate.entries import trained
from gristmill.flows.evaluate.flow import run_evaluation
from gristmill.flows.experiment.outcomes import measure, rows_of, seed_rows
from gristmill.flows.experiment.registered import Register, register
from gristmill.flows.experiment.settings import ExperimentSettings
from gristmill.flows.experiment.work import by_arm, member_work, plan_work, run_work
from gristmill.flows.fields import LakePath
from gristmill.flows.mix.inputs import token_work, tokenizer_work
from gristmill.flows.mix.settings import MixSettings
from gristmill.flows.prefect.publish import published
from gristmill.flows.prefect.run_log import record_run
from gristmill.flows.reporter import Meter, Reporter
from gristmill.flows.running import run_one, run_step
from gristmill.flows.train.flow import SIDE_BY_SIDE
from gristmill.flows.train.launchers import launcher_of
from gristmill.flows.train.steps import WRITES, TrainContext, train_step
from gristmill.schemas.tables import Checkpoints, Domains, Effects, Samples, SeedEffects, TokenStats
from gristmill.tasks.experiment.members import arm_members
from gristmill.tasks.experiment.planning import arm_plan
from gristmill.tasks.mix.curated import SplitConfig
from gristmill.tasks.mix.heldout import HeldoutConfig, write_heldout
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.mix.tokens import write_tokens
from gristmill.tasks.train.commands import TrainerRecipe, load_recipe

KIND = "experiment"


def data_name(name: str) -> str:
    """What the mix and the training runs of an experiment are called."""
    return f"{KIND}.{name}"


def run_experiment(name: str, settings: ExperimentSettings, lake: Lake, report: Reporter) -> Dataset:
    """Everything the flow does, inside a flow run. Returns the committed dataset ``experiment/<name>``.

    Raises ``UsageError`` for sources, domains or suites that are not there and arms that hold nothing, and
    ``GristmillError`` when a job fails.
    """
    written = register(name, settings, lake)
    mix, plans = make_data(name, settings, lake, report)
    train_arms(name, settings, mix, plans, lake, report)
    entries = trained(lake, data_name(name))
    run_evaluation(entries, settings.evaluate, data_name(name), mix.files["heldout"], lake, report)
    return commit_effects(name, settings, written, lake)


def make_data(name: str, settings: ExperimentSettings, lake: Lake, report: Reporter) -> tuple[Dataset, list[Manifest]]:
    """Cut the documents into parts, tokenise them once, and plan every run. Commits the dataset ``mix``."""
    curated = curated_refs(settings.sources, lake)
    asked = MixSettings(
        sources=settings.sources,
        target_tokens=settings.target_tokens,
        tokenizer=settings.tokenizer,
        vocabulary=settings.vocabulary,
        row_tokens=settings.row_tokens,
        heldout_share=settings.heldout_share,
    )
    placed = run_step(arm_members, member_work(settings, curated), lake, report, unit="documents")
    assigned = tuple(manifest.output(Domains) for manifest in placed)
    made, work = tokenizer_work(asked, name, Inputs(refs=tuple(curated)))
    (tokenizer,) = run_one(made, work, lake, report).files
    shards = token_work(asked, curated, assigned, tokenizer)
    tokens = tuple(ref for manifest in run_step(write_tokens, shards, lake, report) for ref in manifest.files)
    held = HeldoutConfig(split=SplitConfig(heldout_share=settings.heldout_share), max_bytes=settings.heldout_bytes)
    everything = Inputs(refs=(*curated, *assigned))
    heldout = run_one(write_heldout, Work(name, everything, name, held), lake, report).files
    plans = run_step(arm_plan, plan_work(settings, tokens), lake, report, unit="plans")
    store = TokenStore.open([lake.files_path(ref) for ref in tokens])
    stats = lake.write_table(TokenStats, data_name(name), store.digest[:16], store.stats())
    files = {"tokenizer": (tokenizer,), "tokens": tokens, "heldout": heldout}
    dataset = Dataset(
        kind="mix",
        name=data_name(name),
        config={"experiment": settings.lasting(), "settings": asked.lasting()},
        counts={"tokens": sum(domain.tokens for domain in store.domains(settings.row_tokens)), "plans": len(plans)},
        tables={TokenStats.name: (stats,), Domains.name: assigned},
        files=files | {"plan": tuple(ref for manifest in plans for ref in manifest.files)},
    )
    lake.commit(dataset)
    return dataset, plans


def train_arms(
    name: str, settings: ExperimentSettings, mix: Dataset, plans: Sequence[Manifest], lake: Lake, report: Reporter
) -> Dataset:
    """Run the jobs that are not there yet, and commit the dataset ``training``."""
    recipe_name, recipe = load_recipe(settings.train.recipe)
    if isinstance(recipe, TrainerRecipe):
        raise UsageError(f"experiments train with the embedded trainer, and {recipe_name} is a recipe of another")
    (tokenizer,) = mix.files["tokenizer"]
    work = run_work(settings, (recipe_name, recipe), plans, tokenizer, mix.files["tokens"])
    launcher = launcher_of(settings.train, lake.root / "log" / "training")
    meter = Meter()
    context = TrainContext(lake, launcher, settings.train.nodes, meter)
    engine = LocalEngine(workers=SIDE_BY_SIDE)
    manifests = run_step(train_step(context), work, lake, report, unit="steps", meter=meter, engine=engine)
    tables = {
        table.name: tuple(ref for manifest in manifests for ref in manifest.outputs if ref.table == table.name)
        for table in WRITES
    }
    dataset = Dataset(
        kind="training",
        name=data_name(name),
        config={"settings": settings.train.lasting(), "mix": mix.key},
        counts={"runs": len(manifests), "checkpoints": sum(ref.rows for ref in tables[Checkpoints.name])},
        tables=tables,
        files={"checkpoints": tuple(ref for manifest in manifests for ref in manifest.files)},
    )
    lake.commit(dataset)
    return dataset


def commit_effects(name: str, settings: ExperimentSettings, written: Register, lake: Lake) -> Dataset:
    """Work out the effects from what the lake holds, and commit the dataset ``experiment``."""
    last: dict[str, tuple[int, str]] = {}
    for entry in trained(lake, data_name(name)):
        if entry.step > last.get(entry.mixture, (0, ""))[0]:
            last[entry.mixture] = (entry.step, entry.checkpoint.digest)
    digests = {run: digest for run, (_, digest) in last.items()}
    samples = pl.concat([_samples(ref, lake) for digest in digests.values() for ref in _refs(digest, lake)])
    cells = measure(samples, by_arm(digests), list(settings.arms), settings.outcomes)
    rows = {Effects: rows_of(name, cells, written), SeedEffects: seed_rows(name, cells)}
    key = digest_json([settings.lasting(), digests])[:16]
    tables: dict[str, tuple[Ref, ...]] = {
        table.name: (lake.write_table(table, name, key, pa.Table.from_pylist(found, schema=table.schema)),)
        for table, found in rows.items()
    }
    dataset = Dataset(
        kind=KIND,
        name=name,
        config={"experiment": settings.lasting(), "question": settings.question, "runs": digests},
        counts={"arms": len(settings.arms), "seeds": settings.seeds, "runs": len(digests), "cells": len(cells)},
        tables=tables,
    )
    lake.commit(dataset)
    return dataset


def _refs(digest: str, lake: Lake) -> tuple[Ref, ...]:
    return lake.expect("evaluation", digest).tables[Samples.name]


def _samples(ref: Ref, lake: Lake) -> pl.DataFrame:
    columns = ["checkpoint", "suite", "item", "repeat", "convention", "subset", "cluster", "value", "weight"]
    return pl.DataFrame(lake.read(ref, columns))


@flow(name="experiment", task_runner=threads())
def experiment(lake: LakePath, settings: ExperimentSettings, name: str) -> dict[str, Any]:
    """Train every arm and the control once for each seed, and say what each arm moved.

    Args:
        lake: Folder of the lake.
        settings: The experiment.
        name: What to call it.
    """
    home = Lake.open(Path(lake))
    with published(home), Reporter() as report, record_run(home, KIND, name) as record:
        found = run_experiment(name, settings, home, report)
        record.counts.update(found.counts)
    return {ref.table: home.read(ref).to_pylist() for refs in found.tables.values() for ref in refs}
