"""What an experiment would run, cost and be able to show, before anything starts."""

from dataclasses import asdict, dataclass
from typing import Any

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.evals.statistics.effects import seeds_needed, shown_by
from gristmill.flows.checks import check_evaluation, curated_refs
from gristmill.flows.experiment.registered import read_register
from gristmill.flows.experiment.settings import PRIOR_NOISE, ExperimentSettings, Outcome
from gristmill.flows.experiment.work import steps_of
from gristmill.schemas.tables import Effects
from gristmill.tasks.train.commands import TrainerRecipe, load_recipe


@dataclass(frozen=True)
class Power:
    """What an outcome can show. ``noise``: standard deviation of the paired difference between seeds, from ``source``.

    ``shown``: the smallest effect found in four of five cases. ``needed``: seeds for ``smallest``; None where no number
    is enough or no smallest effect was stated.
    """

    outcome: str
    primary: bool
    noise: float
    source: str
    shown: float
    smallest: float | None
    needed: int | None


@dataclass(frozen=True)
class ExperimentPreview:
    """Jobs, steps, tokens and power of an experiment."""

    name: str
    arms: int
    seeds: int
    jobs: int
    steps: int
    tokens: int
    registered: str
    powers: tuple[Power, ...]

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def preview(name: str, settings: ExperimentSettings, lake: Lake) -> ExperimentPreview:
    """Look at an experiment without running it. Raises :class:`UsageError` for what would stop it."""
    check(settings, lake)
    arms = len(settings.arms) + 1
    written = read_register(name, lake)
    return ExperimentPreview(
        name=name,
        arms=arms,
        seeds=settings.seeds,
        jobs=arms * settings.seeds,
        steps=steps_of(settings),
        tokens=arms * settings.seeds * settings.target_tokens,
        registered=written.designs[0].at if written else "",
        powers=tuple(power_of(outcome, name, settings, lake) for outcome in settings.outcomes),
    )


def check(settings: ExperimentSettings, lake: Lake) -> None:
    """Raises :class:`UsageError` for sources, suites or a recipe that are not there, and runs without a step."""
    curated_refs(settings.sources, lake)
    name, recipe = load_recipe(settings.train.recipe)
    if isinstance(recipe, TrainerRecipe):
        raise UsageError(f"experiments train with the embedded trainer, and {name} is a recipe of another")
    if steps_of(settings) < settings.train.checkpoints:
        raise UsageError(
            f"{settings.target_tokens:,} tokens are {steps_of(settings)} steps of {settings.train.batch_rows} rows of "
            f"{settings.row_tokens} tokens, and there are {settings.train.checkpoints} checkpoints. Raise "
            "target_tokens or lower train.batch_rows."
        )
    check_evaluation(settings.evaluate.suites, settings.evaluate, lake)


def power_of(outcome: Outcome, name: str, settings: ExperimentSettings, lake: Lake) -> Power:
    """What an outcome can show, from the noise of earlier runs, else the stated, else :data:`PRIOR_NOISE`."""
    measured = _measured(outcome.name, name, lake)
    if measured is not None:
        noise, item_error, source = *measured, "runs of this experiment"
    elif outcome.noise is not None:
        noise, item_error, source = outcome.noise, 0.0, "the file"
    else:
        noise, item_error, source = PRIOR_NOISE, 0.0, "no runs yet: a guess; state noise in the file"
    cells = max(1, sum(each.primary for each in settings.outcomes) * len(settings.arms)) if outcome.primary else 1
    return Power(
        outcome=outcome.name,
        primary=outcome.primary,
        noise=noise,
        source=source,
        shown=shown_by(settings.seeds, noise, item_error, cells),
        smallest=outcome.smallest,
        needed=None if outcome.smallest is None else seeds_needed(outcome.smallest, noise, item_error, cells),
    )


def _measured(outcome: str, name: str, lake: Lake) -> tuple[float, float] | None:
    """The noise and the error of the items over the arms of the experiment as it was last run: root mean squares."""
    found = lake.dataset("experiment", name)
    rows = [row for ref in (found.tables[Effects.name] if found else ()) for row in lake.read(ref).to_pylist()]
    own = [row for row in rows if row["outcome"] == outcome]
    if not own:
        return None
    noise = (sum(row["seed_error"] ** 2 * row["seeds"] for row in own) / len(own)) ** 0.5
    items = (sum(row["item_error"] ** 2 for row in own) / len(own)) ** 0.5
    return noise, items
