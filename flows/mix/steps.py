"""The step of mixing: the weights of one mixture, capped, with the plan that says which row is trained on when.

A mixture is found by asking its method for trials until it needs none (``gristmill.tasks.mix.mixers.mixer``). Every
trial is a job of its own under ``log/trials``, called by a digest of its settings and tokens, and found before it is
started. The weights are bound to the token bytes they were found on: both are part of the key.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from gristmill.core.config import Config
from gristmill.core.digests import canonical_json
from gristmill.core.errors import UsageError
from gristmill.core.steps.files import Written, files_step
from gristmill.core.steps.step import Step, StepContext
from gristmill.flows.mix.settings import MixtureSettings
from gristmill.flows.reporter import Meter
from gristmill.flows.train.jobs import module_job, run_job
from gristmill.schemas.tables import Mixtures, MixtureTrace
from gristmill.tasks.launch.job import Launcher
from gristmill.tasks.mix.audit import mixture_digest, mixture_rows, trace_rows
from gristmill.tasks.mix.domains import Domain
from gristmill.tasks.mix.mixers.doremi import DoReMi, DoReMiConfig
from gristmill.tasks.mix.mixers.mixer import Budget, Goal, Mixer, Mixture, Outcome, Trial, cap
from gristmill.tasks.mix.mixers.rules import Static, StaticConfig
from gristmill.tasks.mix.mixers.trials import TRAINER, prepare, read_outcome
from gristmill.tasks.mix.plan import FILE, make_plan
from gristmill.tasks.mix.token_store import TokenStore

BLOCK_ROWS = 1024


class MixtureConfig(Config):
    """What a mixture and its plan depend on, beside the tokens."""

    mixture: MixtureSettings
    row_tokens: int
    seed: int
    goal: Goal
    block_rows: int = BLOCK_ROWS

    @property
    def mixer(self) -> Mixer:
        """The method with its settings."""
        settings = self.mixture
        match settings.method:
            case "doremi":
                return DoReMi(DoReMiConfig(budget=Budget(steps=settings.steps), seed=self.seed))
            case "weights":
                return Static(StaticConfig(weights=settings.weights))
            case "proportional" | "uniform":
                return Static(StaticConfig(weights=settings.method))


@dataclass(frozen=True)
class MixtureContext(StepContext):
    """Where trials run, how many of those that are asked for together at once, and the display."""

    launcher: Launcher
    at_once: int
    meter: Meter


def mixture_step(context: MixtureContext) -> Step[MixtureConfig]:
    """The step that finds one mixture. It reads the folders of tokens."""

    @files_step("mixture", version=1, writes=(Mixtures, MixtureTrace), folders=True, files="plan")
    def mixture(folders: list[Path], config: MixtureConfig, out: Path) -> Written:
        """Find the weights of one mixture, cap them, and plan the order of rows."""
        store, mixer, name = TokenStore.open(folders), config.mixer, config.mixture.name
        domains = store.domains(config.row_tokens)
        # A trial has shorter rows than the run, so its domains hold another number of whole rows.
        seen_by_trials = domains if mixer.budget is None else store.domains(mixer.budget.row_tokens)

        def run(trial: Trial) -> Outcome:
            return run_trial(trial, folders, context)

        found, last = find_weights(mixer, seen_by_trials, config.goal, run, context.at_once)
        if last is None:
            context.meter.counter()(1, "")
        capped = cap(found, domains, config.goal)
        plan = make_plan(
            capped,
            domains,
            row_tokens=config.row_tokens,
            block=config.block_rows,
            seed=config.seed,
            max_epochs=config.goal.max_epochs,
        )
        plan.write(out / FILE)
        (out / "mixture.json").write_bytes(canonical_json(asdict(capped)) + b"\n")
        facts = {"digest": mixture_digest(capped, plan, store), "diagnostics": dict(capped.diagnostics)}
        trace = trace_rows(name, last) if last is not None else MixtureTrace.schema.empty_table()
        return Written(facts, (mixture_rows(name, capped, plan, store, config.goal), trace))

    return mixture


def find_weights(
    mixer: Mixer, domains: Sequence[Domain], goal: Goal, run: Callable[[Trial], Outcome], at_once: int
) -> tuple[Mixture, Outcome | None]:
    """Run the trials that the method asks for until it asks for none. Returns the mixture and the last outcome.

    Trials that are asked for together run side by side, ``at_once`` of them. When one fails, those that run end and no
    other starts; its error is raised.
    """
    seen: list[Outcome] = []
    while asked := mixer.ask(domains, goal, seen):
        with ThreadPoolExecutor(at_once) as pool:
            running = [pool.submit(run, trial) for trial in asked]
            try:
                seen.extend([future.result() for future in running])
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return mixer.tell(domains, goal, seen), seen[-1] if seen else None


def run_trial(trial: Trial, tokens: Sequence[Path], context: MixtureContext) -> Outcome:
    """Run one trial as a job, or read what it gave before.

    Raises :class:`gristmill.core.errors.GristmillError` when the job fails, or ends and leaves no outcome.
    """
    root, told = context.launcher.root, context.meter.counter()
    folder = root / trial.id
    prepare(folder, trial, tokens, root / trial.init if trial.init else None)
    outcome = read_outcome(folder)
    if outcome is None:
        job, what = module_job(trial.id, TRAINER, folder), f"trial {trial.id}"
        run_job(context.launcher, job, what, trial.budget.steps, told, lambda _: f"{trial.loop} trial")
        outcome = read_outcome(folder)
    if outcome is None:
        raise UsageError(f"trial {trial.id} ended without an outcome; remove {folder} and run the same command again")
    told(trial.budget.steps, "")
    return outcome
