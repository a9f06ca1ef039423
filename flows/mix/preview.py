"""What ``mix --dry-run`` shows: what would be tokenised, which trials a change of the data strands, and how many would
run. Writes and runs nothing. No Prefect here."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gristmill.core.errors import GristmillError
from gristmill.core.files.places import check_name
from gristmill.core.lake import Lake
from gristmill.core.manifest import FilesRef, Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.flows.checks import curated_refs
from gristmill.flows.domains.assigning import cached_domains, domains_in
from gristmill.flows.mix.changes import Change, change_since, fingerprints
from gristmill.flows.mix.domain_checks import check_sizes
from gristmill.flows.mix.inputs import domain_work, signal_work, token_work, tokenizer_work
from gristmill.flows.mix.methods import before_training, mixer_of
from gristmill.flows.mix.reuse import earlier_trials
from gristmill.flows.mix.settings import MixSettings
from gristmill.flows.mix.steps import MixtureConfig, mixture_config, mixture_step
from gristmill.flows.mix.trials import MixtureContext, domains_of
from gristmill.flows.reporter import Meter
from gristmill.flows.train.launchers import launcher_of
from gristmill.tasks.launch.job import Launcher
from gristmill.tasks.mix.domains import Domain
from gristmill.tasks.mix.mixers.caps import limits
from gristmill.tasks.mix.mixers.curriculum import staged
from gristmill.tasks.mix.mixers.mixer import Mixture, cap
from gristmill.tasks.mix.mixers.trials import read_outcome
from gristmill.tasks.mix.orders.signals import signal_step
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.mix.tokens import write_tokens


@dataclass(frozen=True)
class PlannedStage:
    """A stage as it would be trained: its tokens and order, and for each domain its share and its epochs in it.

    Shares and epochs are None where weights are still to be found, by trials or over tokens that are not there.
    """

    until_token: int
    order: str
    shares: dict[str, float] | None = None
    epochs: dict[str, float] | None = None


@dataclass(frozen=True)
class PlannedMixture:
    """A mixture as it would be found.

    ``run`` and ``reused``: trials to run, in the first round of a method with several, and trials of the mix before
    that are used again; None while the tokens are not there. ``cached``: the mixture itself is in the lake.
    ``stages``: of its curriculum; none without one.
    """

    mixture: str
    method: str
    cached: bool | None
    run: int | None
    reused: int | None
    stages: tuple[PlannedStage, ...] = ()


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
            "mixtures": [asdict(each) for each in self.mixtures],
            "trials": [
                {name: value for name, value in each.row(reused=False).items() if name != "reused"}
                for each in self.change.trials
            ],
        }


def preview(settings: MixSettings, name: str, lake: Lake) -> PlannedMix:
    """The mix called ``name`` as the flow would make it.

    Raises ``UsageError`` for a wrong name and sources that are not curated, ``GristmillError`` for weights, caps and
    minimums that the tokens in the lake cannot meet. Cost: where tokens are not in the lake, one column of the
    curated text.
    """
    check_name(name, "mix")
    everything = curated_refs(settings.sources, lake)
    placed = cached_domains(domain_work(settings, everything, lake), lake)
    step, work = tokenizer_work(settings, name, Inputs(refs=(*everything, *(placed or ()))))
    curated = [ref for ref in everything if ref.rows]
    assigned = None if placed is None else [ref for ref in placed if ref.rows]
    known = lake.manifest(step.name, work.shard, step.key(work.config, work.inputs))
    found = _tokens(settings, curated, assigned, known.files[0], lake) if known and assigned is not None else {}
    tokens = tuple(ref for refs in found.values() for ref in refs)
    missing = [ref for ref in assigned or curated if ref.shard not in found]
    store = TokenStore.open([lake.files_path(ref) for ref in tokens]) if tokens else None
    now = fingerprints(store) if store is not None else {}
    # Tokens that are not there yet are other tokens, and their domains with them.
    if assigned is None and settings.domains is not None:
        now |= dict.fromkeys(settings.domains.known_domains() or (), "")
    else:
        now |= dict.fromkeys(domains_in(missing, lake), "")
    names = [mixture.name for mixture in settings.mixtures]
    change = change_since(lake.dataset("mix", name), names, now, lake)
    launcher = launcher_of(settings, lake.root / "log" / "trials")
    if store is not None and not missing:
        check_sizes(settings, store, lambda mixture: mixer_of(mixture, settings.seed, launcher.root))
    mixtures = [
        PlannedMixture(config.mixture.name, config.mixture.method, None, None, None, _stages(config, None))
        if store is None or missing
        else _mixture(name, config, store, tokens, _signals(config, settings, curated, tokens, lake), launcher, lake)
        for config in (mixture_config(mixture, settings) for mixture in settings.mixtures)
    ]
    return PlannedMix(known is not None, len(curated), len(found), tuple(mixtures), change)


def _tokens(
    settings: MixSettings, curated: Sequence[Ref], assigned: Sequence[Ref], tokenizer: FilesRef, lake: Lake
) -> dict[str, tuple[FilesRef, ...]]:
    """The folders of tokens that are in the lake, by shard."""
    found = {}
    for work in token_work(settings, curated, assigned, tokenizer):
        manifest = lake.manifest(write_tokens.name, work.shard, write_tokens.key(work.config, work.inputs))
        if manifest is not None:
            found[work.shard] = manifest.files
    return found


def _signals(
    config: MixtureConfig, settings: MixSettings, curated: Sequence[Ref], tokens: Sequence[FilesRef], lake: Lake
) -> tuple[FilesRef, ...] | None:
    """The folders of the signals that a mixture sorts by; None when one is not in the lake."""
    found: list[FilesRef] = []
    for signal in config.curriculum.signals if config.curriculum is not None else ():
        step = signal_step(signal)
        for work in signal_work(signal, settings, curated, tokens, lake):
            manifest = lake.manifest(step.name, work.shard, step.key(work.config, work.inputs))
            if manifest is None:
                return None
            found += manifest.files
    return tuple(found)


def _mixture(
    mix: str,
    config: MixtureConfig,
    store: TokenStore,
    tokens: tuple[FilesRef, ...],
    signals: tuple[FilesRef, ...] | None,
    launcher: Launcher,
    lake: Lake,
) -> PlannedMixture:
    plain = mixture_step(MixtureContext(launcher, 1, Meter()))
    earlier = earlier_trials(lake, mix, config, tokens, plain, signals or ())
    ids = tuple(each.designed.trial.id for each in earlier)
    first = config.model_copy(update={"mixture": before_training(config.mixture), "earlier": ids})
    key = plain.key(first, Inputs(files=(*tokens, *(signals or ()))))
    cached = signals is not None and lake.manifest(plain.name, config.mixture.name, key) is not None
    mixer = mixer_of(first.mixture, first.seed, launcher.root, earlier)
    seen, outcomes = domains_of(mixer.budget, store, config.row_tokens), [each.outcome for each in earlier]
    asked = mixer.ask(seen, config.goal, outcomes)
    run = 0 if cached else sum(not _done(launcher, each.id) for each in asked)
    stages = _stages(config, None)
    domains = store.domains(config.row_tokens)
    limits(domains, config.goal)  # raises for caps, minimums and a prior that no mixture of these domains can meet
    if mixer.budget is None or (stages and not asked):
        found = staged(mixer.tell(seen, config.goal, outcomes), config.curriculum, domains, config.goal)
        capped = cap(found, domains, config.goal)  # raises for weights that do not fit the domains
        stages = _stages(config, (capped, domains))
    return PlannedMixture(config.mixture.name, config.mixture.method, cached, run, len(earlier), stages)


def _stages(config: MixtureConfig, found: tuple[Mixture, Sequence[Domain]] | None) -> tuple[PlannedStage, ...]:
    """The stages of a curriculum, with the weights of the capped mixture over these domains where that is known."""
    if config.curriculum is None:
        return ()
    planned, begin = [], 0
    for number, stage in enumerate(config.curriculum.all_stages()):
        end = stage.end(config.goal.target_tokens)
        if found is None:
            planned.append(PlannedStage(end, stage.order_text))
            continue
        mixture, domains = found
        shares = dict(mixture.stages[number].weights)
        epochs = {domain.name: shares[domain.name] * (end - begin) / domain.tokens for domain in domains}
        planned.append(PlannedStage(end, stage.order_text, shares, epochs))
        begin = end
    return tuple(planned)


def _done(launcher: Launcher, trial: str) -> bool:
    try:
        return read_outcome(launcher.root / trial) is not None
    except GristmillError:
        return False
