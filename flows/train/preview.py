"""What ``train --dry-run`` shows: the command line of each run, the files it would write, and the export it needs."""

import json
from dataclasses import dataclass
from pathlib import Path

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.flows.train.commands import (
    CommandRun,
    command_file,
    export_command,
    export_fault,
    export_place,
    prepare_commands,
)
from gristmill.flows.train.jobs import module_job
from gristmill.flows.train.planning import plan_path, prepare
from gristmill.flows.train.settings import TrainSettings
from gristmill.flows.train.steps import TRAINER, stages_file
from gristmill.tasks.mix.plan import FILE, Plan
from gristmill.tasks.train.commands import EXAMPLES, TrainerRecipe, load_recipe
from gristmill.tasks.train.recipe import Recipe, run_key
from gristmill.tasks.train.stage_rates import FILE as STAGES
from gristmill.tasks.train.stage_rates import careful, stage_rates
from gristmill.tasks.train.start import FILE as COMMAND

RUN_DIR = "RUN_DIR"
"""Stands for the folder of a run whose key is not known before its data is there."""


@dataclass(frozen=True)
class PlannedRun:
    """One run as it would be started. ``needs``: what has to be there first, in words; empty for nothing.

    ``careful`` are warnings about its stages.
    """

    run: str
    folder: str
    argv: tuple[str, ...]
    environment: dict[str, str]
    files: dict[str, str]
    needs: str
    careful: tuple[str, ...] = ()


def preview(settings: TrainSettings, mix: Dataset | None, lake: Lake) -> list[PlannedRun]:
    """Every run of the settings. Writes nothing; raises what starting them would, but for data that is not there."""
    name, recipe = load_recipe(settings.recipe)
    if isinstance(recipe, TrainerRecipe):
        return _commands(settings, name, recipe, mix, lake)
    return _embedded(settings, name, recipe, mix, lake) if mix is not None else []


def _embedded(settings: TrainSettings, name: str, shape: Recipe, mix: Dataset, lake: Lake) -> list[PlannedRun]:
    shown = []
    for work in prepare(settings, name, shape, mix, lake):
        key = run_key(work.config, tuple(entry.digest for entry in work.inputs.entries()))
        folder = lake.root / "log" / "training" / key
        job = module_job(key, TRAINER, folder, processes=settings.processes, nodes=settings.nodes)
        told = json.dumps(work.config.model_dump(mode="json"), indent=1)
        plan = Plan.load(plan_path(lake, work.inputs.files[0]))
        files = {"train.json": told, STAGES: stages_file(plan, work.config)}
        warned = tuple(careful(stage_rates(plan, work.config), work.config.steps))
        shown.append(PlannedRun(work.label, str(folder), job.argv, job.environment, files, "", warned))
    return shown


def _commands(
    settings: TrainSettings, name: str, recipe: TrainerRecipe, mix: Dataset | None, lake: Lake
) -> list[PlannedRun]:
    needs = _needs(settings, recipe, mix, lake)
    return [
        _command(work.label, work.config, needs[place])
        for place, work in enumerate(prepare_commands(settings, name, recipe, mix, lake, look=False))
    ]


def _command(label: str, run: CommandRun, needs: str) -> PlannedRun:
    done = run.rendered(Path(RUN_DIR))
    files = {**done.files, COMMAND: command_file(run, done)}
    return PlannedRun(label, RUN_DIR, done.argv, done.environment, files, needs)


def _needs(settings: TrainSettings, recipe: TrainerRecipe, mix: Dataset | None, lake: Lake) -> list[str]:
    """For each run, what it reads and how that is made."""
    if not recipe.pretrains or mix is None:
        return [f"{settings.data}: {EXAMPLES.get(recipe.reads, recipe.reads)}"]
    found = []
    for plan in mix.files["plan"]:
        data = export_place(settings, recipe, mix, plan, lake)
        loaded = Plan.load(lake.files_path(plan) / FILE)
        rows = len(loaded) // settings.batch_rows * settings.batch_rows
        fault = export_fault(data, recipe, loaded, rows)
        made = export_command(recipe, mix, plan, data, lake)
        told = (f"{fault}: {made}" if data.exists() else made) if fault else "it is there"
        found.append(f"{data}, an export as {recipe.reads}: {told}")
    return found
