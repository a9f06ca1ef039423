"""The steps of mixing: the weights of one mixture, capped, with the plan that says which row is trained on when; and
the report that stands beside it.

A mixture is found by asking its method for trials until it needs none (``gristmill.tasks.mix.mixers.mixer``). The
weights are bound to the token bytes they were found on: both are part of the key. What a method promises of a mixture
is in the manifest of the first step, before the second runs trials of the mixture itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field, TypeAdapter, field_serializer
from pydantic_core import to_jsonable_python

from gristmill.core.config import Config
from gristmill.core.digests import canonical_json
from gristmill.core.steps.files import Written, files_step
from gristmill.core.steps.step import Step
from gristmill.flows.mix.methods import mixer_of
from gristmill.flows.mix.settings import AnyMixture, MixSettings, SwarmSettings
from gristmill.flows.mix.signals import curriculum_of
from gristmill.flows.mix.trials import (
    REPORT_FILES,
    TRIALS,
    DoneTrial,
    MixtureContext,
    Search,
    domains_of,
    run_asked,
    run_trials,
)
from gristmill.schemas.tables import Mixtures, MixtureTrace
from gristmill.tasks.mix.audit import mixture_digest, mixture_rows, trace_rows
from gristmill.tasks.mix.mixers.curriculum import Curriculum, staged
from gristmill.tasks.mix.mixers.mixer import Goal, Mixer, Mixture, Outcome, Trial, cap
from gristmill.tasks.mix.orders.signals import MANIFEST as SIGNAL
from gristmill.tasks.mix.orders.sorting import sort_stages, without_value
from gristmill.tasks.mix.orders.values import DocumentValues
from gristmill.tasks.mix.plan import FILE
from gristmill.tasks.mix.planning import make_plan
from gristmill.tasks.mix.report import TABLES, FoundMixture, report_tables
from gristmill.tasks.mix.token_store import TokenStore

BLOCK_ROWS = 1024
MIXTURE = "mixture.json"
WITHOUT_VALUE = "without_value"
"""What the facts of a mixture call :func:`gristmill.tasks.mix.orders.sorting.without_value`."""


class MixtureConfig(Config):
    """What a mixture and its plan depend on, beside the tokens. ``earlier``: ids of trials that are used again."""

    mixture: AnyMixture
    row_tokens: int
    seed: int
    goal: Goal
    block_rows: int = BLOCK_ROWS
    curriculum: Curriculum | None = Field(None, exclude_if=lambda value: value is None)
    earlier: tuple[str, ...] = Field((), exclude_if=lambda value: not value)

    @field_serializer("goal", mode="wrap")
    def _goal_of_stored_keys(self, goal: Goal, write: Callable[[Goal], dict[str, Any]]) -> dict[str, Any]:
        """Domains' own caps are part of a key only where there are any: keys are older than they are."""
        return {name: value for name, value in write(goal).items() if name != "caps" or goal.caps}


def mixture_config(mixture: AnyMixture, settings: MixSettings) -> MixtureConfig:
    """What one mixture of the settings depends on. Its stages are its own, or else those of all mixtures."""
    return MixtureConfig(
        mixture=mixture.model_copy(update={"curriculum": None}),
        row_tokens=settings.row_tokens,
        seed=settings.seed,
        goal=settings.goal,
        curriculum=curriculum_of(mixture, settings),
    )


def mixture_step(context: MixtureContext) -> Step[MixtureConfig]:
    """The step that finds one mixture. It reads the folders of tokens, and of the signals that its stages sort by."""

    @files_step("mixture", version=2, writes=(Mixtures, MixtureTrace), folders=True, files="plan")
    def mixture(folders: list[Path], config: MixtureConfig, out: Path) -> Written:
        """Find the weights of one mixture, cap them stage by stage, and plan the order of rows."""
        signals = [folder for folder in folders if (folder / SIGNAL).is_file()]
        tokens = [folder for folder in folders if folder not in signals]
        store, name, goal = TokenStore.open(tokens), config.mixture.name, config.goal
        domains = store.domains(config.row_tokens)
        mixer = _mixer(config, context)
        search = _search(mixer, store, config, tokens, context)
        found = mixer.tell(domains_of(mixer.budget, store, config.row_tokens), goal, search.outcomes)
        capped = cap(staged(found, config.curriculum, domains, goal), domains, goal)
        planned = make_plan(
            capped,
            domains,
            row_tokens=config.row_tokens,
            block=config.block_rows,
            seed=config.seed,
            max_epochs={domain.name: goal.epochs(domain.name) for domain in domains} if goal.caps else goal.max_epochs,
        )
        values = cache(DocumentValues.open(store, signals).rows(config.row_tokens))
        plan = sort_stages(planned, values)
        plan.write(out / FILE)
        (out / MIXTURE).write_bytes(canonical_json(capped.stored()) + b"\n")
        facts = {"digest": mixture_digest(capped, plan, store), "diagnostics": dict(capped.diagnostics)}
        if plan.sorted_rows:
            facts[WITHOUT_VALUE] = without_value(plan, values)
        outcomes = search.outcomes
        trace = trace_rows(name, outcomes[-1]) if outcomes else MixtureTrace.schema.empty_table()
        return Written(facts, (mixture_rows(name, capped, plan, store, goal), trace))

    return mixture


def report_step(context: MixtureContext) -> Step[MixtureConfig]:
    """The step that reports on one mixture. It reads the folder of its plan and those of the tokens."""

    @files_step("mixture_report", version=2, writes=TABLES, folders=True, files=REPORT_FILES)
    def mixture_report(folders: list[Path], config: MixtureConfig, out: Path) -> Written:
        """Tabulate the trials of a mixture, what they promise, checks, caps and baselines; run trials of the winner."""
        plan, *tokens = folders
        store, mixer = TokenStore.open(tokens), _mixer(config, context)
        search = _search(mixer, store, config, tokens, context)
        found = FoundMixture(
            config.mixture.name,
            TypeAdapter(Mixture).validate_json((plan / MIXTURE).read_bytes()),
            search.trials,
            search.outcomes,
            domains_of(mixer.budget, store, config.row_tokens),
            store.domains(config.row_tokens),
            config.goal,
        )
        swarm = None
        if isinstance(config.mixture, SwarmSettings):
            from gristmill.tasks.mix.mixers.swarm.mixer import Swarm  # imports scipy, which other methods do without

            swarm = Swarm(config.mixture.options, tuple(each.designed for each in _earlier(config, context)))
        tables, designed = report_tables(found, swarm)
        outcomes = {outcome.trial: replace(outcome, seconds=None) for outcome in search.outcomes}
        done = [DoneTrial(each, outcomes[each.trial.id]) for each in designed]
        (out / TRIALS).write_bytes(canonical_json(to_jsonable_python(done)) + b"\n")
        return Written({}, tables)

    return mixture_report


def _mixer(config: MixtureConfig, context: MixtureContext) -> Mixer:
    return mixer_of(config.mixture, config.seed, context.launcher.root, _earlier(config, context))


def _earlier(config: MixtureConfig, context: MixtureContext) -> list[DoneTrial]:
    return [each for each in context.earlier if each.designed.trial.id in config.earlier]


def _search(
    mixer: Mixer, store: TokenStore, config: MixtureConfig, tokens: Sequence[Path], context: MixtureContext
) -> Search:
    def run(asked: Sequence[Trial]) -> list[Outcome]:
        return run_trials(asked, tokens, context)

    domains = domains_of(mixer.budget, store, config.row_tokens)
    search = run_asked(mixer, domains, config.goal, run, _earlier(config, context))
    if not search.outcomes:
        context.meter.counter()(1, "")
    return search
