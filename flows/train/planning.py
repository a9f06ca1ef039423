"""The runs that settings and a mix ask for. No Prefect here: the command line checks with it before anything starts."""

from pathlib import Path

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, FilesRef
from gristmill.core.steps.inputs import Inputs
from gristmill.flows.engines.engine import Work
from gristmill.flows.train.settings import TrainSettings
from gristmill.tasks.mix.plan import FILE, Plan
from gristmill.tasks.train.recipe import RunSettings, checkpoint_steps, load_recipe


def prepare(settings: TrainSettings, mix: Dataset, lake: Lake) -> list[Work[RunSettings]]:
    """The runs of the step, one for each mixture of a mix dataset.

    Raises :class:`UsageError` when a plan is shorter than one step, for an unknown recipe, and for settings that do not
    go together.
    """
    (tokenizer,) = mix.files["tokenizer"]
    recipe, shape = load_recipe(settings.recipe)
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
            "recipe": recipe,
            "shape": shape,
            "steps": steps,
            "batch_rows": settings.batch_rows,
            "learning_rate": settings.learning_rate,
            "seed": settings.seed,
            "checkpoint_steps": checkpoint_steps(steps, settings.checkpoints),
        }
        run = RunSettings.parse(told | settings.run_options(), "train")
        inputs = Inputs(files=(plan, tokenizer, *mix.files["tokens"]))
        work.append(Work(plan.shard, inputs, plan.shard, run, units=steps))
    return work


def plan_path(lake: Lake, plan: FilesRef) -> Path:
    """The plan file of a plan folder."""
    return lake.files_path(plan) / FILE
