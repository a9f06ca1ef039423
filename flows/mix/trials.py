"""Trials of mixing methods as jobs: side by side, several in a process where there are many, each run once.

A trial is a folder below ``log/trials``, called by a digest of its settings and tokens, and found before it is started.
Many trials that are asked for together are cut into groups of at most 8, a job each, so that they share the import of
torch (2 s of processor). Groups depend on what was asked alone, never on what is done, so a job that outlived its
starter is found again; a trial in it that is done is left as it is.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gristmill.core.digests import digest_json
from gristmill.core.errors import UsageError
from gristmill.core.steps.step import StepContext
from gristmill.flows.reporter import Meter
from gristmill.flows.train.jobs import module_job, run_job
from gristmill.tasks.launch.job import Launcher
from gristmill.tasks.mix.domains import Domain
from gristmill.tasks.mix.mixers.mixer import Budget, Goal, Mixer, Outcome, Trial
from gristmill.tasks.mix.mixers.swarm.design import Designed
from gristmill.tasks.mix.mixers.trials import TRAINER, prepare, read_outcome
from gristmill.tasks.mix.token_store import TokenStore

MOST_TOGETHER = 8
TRIALS = "trials.json"
REPORT_FILES = "mixture-report"


@dataclass(frozen=True)
class DoneTrial:
    """A trial of a swarm with what it gave, as the report of its mixture stores it."""

    designed: Designed
    outcome: Outcome


@dataclass(frozen=True)
class MixtureContext(StepContext):
    """Where trials run, how many jobs of those that are asked for together at once, and the display.

    ``earlier`` are trials that were made before the data or the design changed, and are used again. The config names
    them by their ids, which bind all of their settings and tokens.
    """

    launcher: Launcher
    at_once: int
    meter: Meter
    earlier: tuple[DoneTrial, ...] = ()


@dataclass(frozen=True)
class Search:
    """What finding a mixture took: the trials that were asked for, in order, and their outcomes."""

    trials: tuple[Trial, ...]
    outcomes: tuple[Outcome, ...]


def domains_of(budget: Budget | None, store: TokenStore, row_tokens: int) -> Sequence[Domain]:
    """The domains of a run in rows of its trials, which have another length, so another number of whole rows.

    A domain that is too small for a row of the run is left out. Raises :class:`UsageError` for one that is too small
    for a row of a trial only.
    """
    run = store.domains(row_tokens)
    if budget is None:
        return run
    names = [domain.name for domain in run]
    found = [domain for domain in store.domains(budget.row_tokens) if domain.name in names]
    if lacking := sorted(set(names) - {domain.name for domain in found}):
        raise UsageError(
            f"the domains {lacking} hold rows of {row_tokens} tokens for the run but no row of {budget.row_tokens} for "
            f"trials: set options.budget.row_tokens of the mixture to {row_tokens} or less, or add data"
        )
    return found


def run_asked(
    mixer: Mixer,
    domains: Sequence[Domain],
    goal: Goal,
    run: Callable[[Sequence[Trial]], list[Outcome]],
    earlier: Sequence[DoneTrial] = (),
) -> Search:
    """Run the trials that the method asks for until it asks for none; ``earlier`` ones have been run."""
    asked = [each.designed.trial for each in earlier]
    seen = [each.outcome for each in earlier]
    while wanted := mixer.ask(domains, goal, seen):
        seen.extend(run(wanted))
        asked.extend(wanted)
    return Search(tuple(asked), tuple(seen))


def run_trials(asked: Sequence[Trial], tokens: Sequence[Path], context: MixtureContext) -> list[Outcome]:
    """Run trials, or read what they gave before; outcomes in the order of ``asked``.

    ``context.at_once`` jobs run side by side. When one fails, those that run end and no other starts; its error is
    raised.
    """
    size = min(MOST_TOGETHER, -(-len(asked) // context.at_once))
    groups = [asked[start : start + size] for start in range(0, len(asked), size)]
    with ThreadPoolExecutor(context.at_once) as pool:
        running = [pool.submit(run_group, group, tokens, context) for group in groups]
        try:
            return [outcome for future in running for outcome in future.result()]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def run_group(group: Sequence[Trial], tokens: Sequence[Path], context: MixtureContext) -> list[Outcome]:
    """Run trials one after another in one job, unless all are done.

    Raises :class:`gristmill.core.errors.GristmillError` when the job fails, or ends and leaves a trial without outcome.
    """
    root, told = context.launcher.root, context.meter.counter()
    folders = [root / trial.id for trial in group]
    for trial, folder in zip(group, folders, strict=True):
        prepare(folder, trial, tokens, root / trial.init if trial.init else None)
    outcomes = [read_outcome(folder) for folder in folders]
    steps = sum(trial.budget.steps for trial in group)
    if None in outcomes:
        ids = [trial.id for trial in group]
        key = ids[0] if len(ids) == 1 else digest_json(ids)[:16]
        what = f"trial {key}" if len(ids) == 1 else f"a job of {len(ids)} trials ({key})"
        job, loop = module_job(key, TRAINER, *folders), f"{group[0].loop} trials"

        def done() -> set[Path]:
            """A trial keeps nothing on the way; those of the job that are over are not run again."""
            return {folder for folder in folders if read_outcome(folder) is not None}

        run_job(context.launcher, job, what, steps, told, lambda _: loop, done)
        outcomes = [read_outcome(folder) for folder in folders]
        if None in outcomes:
            raise UsageError(f"{what} ended without an outcome; remove {root / key} and run the same command again")
    told(steps, "")
    return [outcome for outcome in outcomes if outcome is not None]
