"""The runs that settings and a mix ask for. No Prefect here: the command line checks with it before anything starts."""

from collections.abc import Sequence
from pathlib import Path

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef
from gristmill.core.steps.inputs import Inputs
from gristmill.flows.checks import mix_of
from gristmill.flows.engines.engine import Work
from gristmill.flows.review.signing import check_signed
from gristmill.flows.train.commands import prepare_commands
from gristmill.flows.train.settings import TrainSettings
from gristmill.tasks.mix.plan import FILE, Plan
from gristmill.tasks.train.commands import TrainerRecipe, load_recipe
from gristmill.tasks.train.recipe import Recipe, RunSettings, checkpoint_steps
from gristmill.tasks.train.stage_rates import careful, stage_rates


def prepare(settings: TrainSettings, name: str, shape: Recipe, mix: Dataset, lake: Lake) -> list[Work[RunSettings]]:
    """The runs of the embedded trainer on the recipe called ``name``, one for each mixture of a mix dataset.

    Raises :class:`UsageError` when a plan is shorter than one step, and for settings that do not go together.
    """
    if given := [word for word in ("data", "base", "options", "arguments") if getattr(settings, word)]:
        raise UsageError(f"train.{given[0]} is for recipes of other trainers, and {name} is of the embedded one")
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
        told = {
            "recipe": name,
            "shape": shape,
            "steps": steps,
            "batch_rows": settings.batch_rows,
            "learning_rate": settings.learning_rate or shape.learning_rate,
            "seed": settings.seed,
            "checkpoint_steps": checkpoint_steps(steps, settings.checkpoints),
        }
        run = RunSettings.parse(told | settings.run_options(), "train")
        inputs = Inputs(files=(plan, tokenizer, *mix.files["tokens"]))
        work.append(Work(plan.shard, inputs, plan.shard, run, units=steps))
    return work


def careful_runs(work: Sequence[Work[RunSettings]], lake: Lake) -> list[str]:
    """What to be careful about in runs of :func:`prepare`: stages that their learning rate hardly lets help."""
    lines = []
    for entry in work:
        plan = Plan.load(plan_path(lake, entry.inputs.files[0]))
        rates = stage_rates(plan, entry.config)
        lines += [f"{entry.label}: {line}" for line in careful(rates, entry.config.steps)]
    return lines


def mix_for(settings: TrainSettings, mix: str, lake: Lake) -> Dataset | None:
    """The mix of that name, or None for a recipe that trains on examples. Raises :class:`UsageError` when it is not
    there, and for an unknown recipe."""
    _, recipe = load_recipe(settings.recipe)
    if isinstance(recipe, TrainerRecipe) and not recipe.pretrains:
        return None
    return mix_of(mix, lake)


def check_training(settings: TrainSettings, mix: Dataset | None, lake: Lake) -> None:
    """Raises :class:`UsageError` for what would stop the runs before they start. Reads no data of other trainers."""
    if mix is not None:
        check_signed(mix, lake, unsigned=settings.unsigned)
    name, recipe = load_recipe(settings.recipe)
    if isinstance(recipe, TrainerRecipe):
        prepare_commands(settings, name, recipe, mix, lake, look=False)
    else:
        prepare(settings, name, recipe, expected(mix), lake)


def expected(mix: Dataset | None) -> Dataset:
    """The mix, which :func:`mix_for` gave for the embedded trainer."""
    if mix is None:
        raise TypeError("the embedded trainer reads a mix")
    return mix


def plan_path(lake: Lake, plan: FilesRef) -> Path:
    """The plan file of a plan folder."""
    return lake.files_path(plan) / FILE
