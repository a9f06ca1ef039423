"""The work of an experiment: parts of documents, tokens, plans, and a training run an arm and seed. No Prefect here."""

from collections.abc import Mapping, Sequence

from gristmill.core.manifest import FilesRef, Manifest, Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.flows.engines.engine import Work
from gristmill.flows.experiment.settings import ExperimentSettings
from gristmill.tasks.experiment.arms import Arm
from gristmill.tasks.experiment.members import Choice, MembersConfig
from gristmill.tasks.experiment.planning import ArmPlanConfig
from gristmill.tasks.train.recipe import Recipe, RunSettings, checkpoint_steps

AT = "@"
"""Between an arm and its seed in the names of runs: ``without-code@3``."""


def choices_of(settings: ExperimentSettings) -> tuple[list[Choice], dict[str, int]]:
    """The distinct choices of documents, the control's first, and for each arm which of them it makes."""
    choices: list[Choice] = []
    bits: dict[str, int] = {}
    for name, arm in settings.all_arms():
        choice = choice_of(arm)
        if choice not in choices:
            choices.append(choice)
        bits[name] = choices.index(choice)
    return choices, bits


def choice_of(arm: Arm) -> Choice:
    """Which documents an arm reads."""
    return Choice(leave_out=arm.leave_out, only=arm.only)


def member_work(settings: ExperimentSettings, curated: Sequence[Ref]) -> list[Work[MembersConfig]]:
    """The work of the step ``arm_members``, for each curated shard."""
    config = MembersConfig(choices=tuple(choices_of(settings)[0]))
    return [Work(ref.shard, Inputs(refs=(ref,)), ref.shard, config, units=max(1, ref.rows)) for ref in curated]


def plan_work(settings: ExperimentSettings, tokens: Sequence[FilesRef]) -> list[Work[ArmPlanConfig]]:
    """The work of the step ``arm_plan``: one for each arm and seed, seed by seed."""
    _, bits = choices_of(settings)
    work = []
    for seed in range(settings.seeds):
        for name, arm in settings.all_arms():
            config = ArmPlanConfig(
                name=name,
                bit=bits[name],
                arm=arm.model_copy(update={"why": ""}),
                weights=settings.weights,
                row_tokens=settings.row_tokens,
                target_tokens=settings.target_tokens,
                max_epochs=settings.max_epochs,
                seed=seed,
            )
            run = f"{name}{AT}{seed}"
            work.append(Work(run, Inputs(files=tuple(tokens)), run, config))
    return work


def run_work(
    settings: ExperimentSettings,
    recipe: tuple[str, Recipe],
    plans: Sequence[Manifest],
    tokenizer: FilesRef,
    tokens: Sequence[FilesRef],
) -> list[Work[RunSettings]]:
    """The training runs: all arms of a seed start from the same weights and read the same order."""
    name, shape = recipe
    steps = steps_of(settings)
    train = settings.train
    work = []
    for plan in plans:
        told = {
            "recipe": name,
            "shape": shape,
            "steps": steps,
            "batch_rows": train.batch_rows,
            "learning_rate": train.learning_rate or shape.learning_rate,
            "seed": seed_of(plan.shard),
            "checkpoint_steps": checkpoint_steps(steps, train.checkpoints),
        }
        run = RunSettings.parse(told | train.run_options(), "train")
        inputs = Inputs(files=(*plan.files, tokenizer, *tokens))
        work.append(Work(plan.shard, inputs, plan.shard, run, units=steps))
    return work


def steps_of(settings: ExperimentSettings) -> int:
    """Optimiser steps of each run."""
    return -(-settings.target_tokens // settings.row_tokens) // settings.train.batch_rows


def arm_of(run: str) -> str:
    """The arm of a run by its name."""
    return run.rpartition(AT)[0]


def seed_of(run: str) -> int:
    """The seed of a run by its name."""
    return int(run.rpartition(AT)[2])


def by_arm(values: Mapping[str, str]) -> dict[str, dict[int, str]]:
    """``{run: value}`` as ``{arm: {seed: value}}``."""
    found: dict[str, dict[int, str]] = {}
    for run, value in values.items():
        found.setdefault(arm_of(run), {})[seed_of(run)] = value
    return found
