"""What ``mix --dry-run`` shows: what would be tokenised, which trials a change of the data strands, and how many would
run. Writes and runs nothing. No Prefect here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gristmill.core.errors import GristmillError
from gristmill.core.lake import Lake
from gristmill.core.manifest import FilesRef, Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.flows.checks import curated_refs
from gristmill.flows.mix.changes import Change, change_since, fingerprints
from gristmill.flows.mix.inputs import token_work, tokenizer_work
from gristmill.flows.mix.methods import before_training, mixer_of
from gristmill.flows.mix.reuse import earlier_trials
from gristmill.flows.mix.settings import MixSettings
from gristmill.flows.mix.steps import MixtureConfig, mixture_step
from gristmill.flows.mix.trials import MixtureContext, domains_of
from gristmill.flows.reporter import Meter
from gristmill.flows.train.launchers import launcher_of
from gristmill.tasks.launch.job import Launcher
from gristmill.tasks.mix.mixers.trials import read_outcome
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.mix.tokens import write_tokens


@dataclass(frozen=True)
class PlannedMixture:
    """A mixture as it would be found.

    ``run`` and ``reused``: trials to run, in the first round of a method with several, and trials of the mix before
    that are used again; None while the tokens are not there. ``cached``: the mixture itself is in the lake.
    """

    mixture: str
    method: str
    cached: bool | None
    run: int | None
    reused: int | None


@dataclass(frozen=True)
class PlannedMix:
    """A mix as it would be made. ``tokenizer``: whether it is in the lake. ``shards`` and ``cached`` count the curated
    shards, and those whose tokens are in the lake."""

    tokenizer: bool
    shards: int
    cached: int
    mixtures: tuple[PlannedMixture, ...]
    change: Change

    def as_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return {
            "tokenizer": "cached" if self.tokenizer else "to be made",
            "shards": self.shards,
            "cached": self.cached,
            "mixtures": [vars(each) for each in self.mixtures],
            "trials": [
                {name: value for name, value in each.row(reused=False).items() if name != "reused"}
                for each in self.change.trials
            ],
        }


def preview(settings: MixSettings, name: str, lake: Lake) -> PlannedMix:
    """The mix called ``name`` as the flow would make it.

    Raises ``UsageError`` for sources that are not curated and settings that cannot be met. Cost: where tokens are not
    in the lake, one column of the curated text.
    """
    curated = [ref for ref in curated_refs(settings.sources, lake) if ref.rows]
    step, work = tokenizer_work(settings, name, Inputs(refs=tuple(curated)))
    known = lake.manifest(step.name, work.shard, step.key(work.config, work.inputs))
    found = _tokens(settings, curated, known.files[0], lake) if known is not None else {}
    tokens = tuple(ref for refs in found.values() for ref in refs)
    missing = [ref for ref in curated if ref.shard not in found]
    store = TokenStore.open([lake.files_path(ref) for ref in tokens]) if tokens else None
    now = fingerprints(store) if store is not None else {}
    # Tokens that are not there yet are other tokens, and their domains with them.
    now |= dict.fromkeys((row for ref in missing for row in _domains(ref, lake)), "")
    names = [mixture.name for mixture in settings.mixtures]
    change = change_since(lake.dataset("mix", name), names, now, lake)
    launcher = launcher_of(settings, lake.root / "log" / "trials")
    mixtures = [
        PlannedMixture(mixture.name, mixture.method, None, None, None)
        if store is None or missing
        else _mixture(
            name,
            MixtureConfig(mixture=mixture, row_tokens=settings.row_tokens, seed=settings.seed, goal=settings.goal),
            store,
            tokens,
            launcher,
            lake,
        )
        for mixture in settings.mixtures
    ]
    return PlannedMix(known is not None, len(curated), len(found), tuple(mixtures), change)


def _tokens(
    settings: MixSettings, curated: Sequence[Ref], tokenizer: FilesRef, lake: Lake
) -> dict[str, tuple[FilesRef, ...]]:
    """The folders of tokens that are in the lake, by shard."""
    found = {}
    for work in token_work(settings, curated, tokenizer):
        manifest = lake.manifest(write_tokens.name, work.shard, write_tokens.key(work.config, work.inputs))
        if manifest is not None:
            found[work.shard] = manifest.files
    return found


def _domains(ref: Ref, lake: Lake) -> list[str]:
    return [str(domain) for domain in lake.read(ref, ["domain"])["domain"].unique().to_pylist()]


def _mixture(
    mix: str, config: MixtureConfig, store: TokenStore, tokens: tuple[FilesRef, ...], launcher: Launcher, lake: Lake
) -> PlannedMixture:
    plain = mixture_step(MixtureContext(launcher, 1, Meter()))
    earlier = earlier_trials(lake, mix, config, tokens, plain)
    ids = tuple(each.designed.trial.id for each in earlier)
    first = config.model_copy(update={"mixture": before_training(config.mixture), "earlier": ids})
    cached = lake.manifest(plain.name, config.mixture.name, plain.key(first, Inputs(files=tokens))) is not None
    mixer = mixer_of(first.mixture, first.seed, launcher.root, earlier)
    asked = mixer.ask(
        domains_of(mixer.budget, store, config.row_tokens), config.goal, [each.outcome for each in earlier]
    )
    run = 0 if cached else sum(not _done(launcher, each.id) for each in asked)
    return PlannedMixture(config.mixture.name, config.mixture.method, cached, run, len(earlier))


def _done(launcher: Launcher, trial: str) -> bool:
    try:
        return read_outcome(launcher.root / trial) is not None
    except GristmillError:
        return False
