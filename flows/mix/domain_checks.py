"""Domains that the settings of a mix name are checked before anything is trained on them: that they are there, and that
they hold what is asked of them. A search may run for days, so what it would end in is said first.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from gristmill.core.config import did_you_mean
from gristmill.core.errors import GristmillError, UsageError
from gristmill.flows.mix.settings import AnyMixture, MixMinSettings, MixSettings, MixtureSettings, SwarmSettings
from gristmill.flows.mix.signals import curriculum_of
from gristmill.flows.mix.trials import domains_of
from gristmill.tasks.mix.domains import Domain, vector
from gristmill.tasks.mix.mixers.caps import limits
from gristmill.tasks.mix.mixers.curriculum import Curriculum, staged
from gristmill.tasks.mix.mixers.mixer import Goal, Mixer, cap, one_stage
from gristmill.tasks.mix.mixers.rules import uniform
from gristmill.tasks.mix.planning import make_plan
from gristmill.tasks.mix.token_store import TokenStore


def check_names(settings: MixSettings, known: Sequence[str], where: str) -> None:
    """Raises :class:`UsageError` for a domain that the settings name and ``known`` lacks, and for minimums over 1.

    ``where``: what has the domains, such as ``the curated text``.
    """
    for what, name in named(settings):
        if name not in known:
            raise UsageError(
                f"{what}: there is no domain {name!r}{did_you_mean(name, list(known))}; {where} has "
                f"{', '.join(known)}. See them with: gristmill domains show"
            )
    if (total := sum(settings.minimums.values())) > 1:
        raise UsageError(f"minimums sum to {total:g}, and they are shares of one run: at most 1 together")


def check_sizes(settings: MixSettings, store: TokenStore, mixer: Callable[[AnyMixture], Mixer]) -> None:
    """Raises :class:`UsageError` for a domain that is named and too small, and :class:`GristmillError` for weights,
    caps and minimums from which no run can be had. Mixtures that need no trial are found here once, for nothing.
    """
    domains, goal = store.domains(settings.row_tokens), settings.goal
    held = {domain.name: domain for domain in domains}
    for what, name in named(settings):
        if name not in held:
            raise UsageError(
                f"{what}: the domain {name!r} holds {store.tokens(name):,} training tokens, less than a row of "
                f"{settings.row_tokens}, so it has no part in the mixture. Leave it out, lower row_tokens, or add data."
            )
    for name, share in goal.minimums.items():
        _check_minimum(held[name], share, goal)
    if goal.prior is not None:
        _told("prior", lambda: vector(goal.prior or {}, domains))
    limits(domains, goal)
    for mixture in settings.mixtures:
        _told(mixture.name, partial(_check_mixture, mixer(mixture), curriculum_of(mixture, settings), store, settings))
    for what, name in _heldout_named(settings):
        if not held[name].heldout:
            raise UsageError(
                f"{what}: the domain {name!r} has no held-out text among its {_documents(store, name):,} documents, so "
                "nothing can be measured on it. Raise heldout_share, name another domain, or add data."
            )


def named(settings: MixSettings) -> Iterator[tuple[str, str]]:
    """Every domain that the settings name, with the key that does."""
    for what, names in (
        ("minimums", settings.minimums),
        ("caps", [each.domain for each in settings.caps]),
        ("prior", settings.prior or {}),
    ):
        yield from ((what, name) for name in names)
    for mixture in settings.mixtures:
        if isinstance(mixture, MixtureSettings):
            yield from ((f"mixture {mixture.name}, weights", name) for name in mixture.weights)
        curriculum = curriculum_of(mixture, settings)
        for stage in curriculum.all_stages() if curriculum is not None else ():
            names = {**(stage.weights or {}), **stage.boost}
            yield from ((f"mixture {mixture.name}, its curriculum", name) for name in names)
    yield from _heldout_named(settings)


def _heldout_named(settings: MixSettings) -> Iterator[tuple[str, str]]:
    """Domains whose held-out text is asked for."""
    for mixture in settings.mixtures:
        if isinstance(mixture, MixMinSettings) and mixture.options.target is not None:
            yield f"mixture {mixture.name}, options.target", mixture.options.target
        if isinstance(mixture, SwarmSettings):
            for name in mixture.options.fit.metrics:
                yield f"mixture {mixture.name}, options.fit.metrics", name


def _check_minimum(domain: Domain, share: float, goal: Goal) -> None:
    wanted, epochs = share * goal.target_tokens, goal.epochs(domain.name)
    if wanted > domain.tokens * epochs:
        raise UsageError(
            f"minimums: {domain.name} is to have {share:g} of {goal.target_tokens:,} tokens, {wanted:,.0f}; its "
            f"{domain.tokens:,} tokens give {domain.tokens * epochs:,.0f} at {epochs:g} epochs. Lower the minimum to "
            f"{domain.tokens * epochs / goal.target_tokens:.3g}, raise its cap, or add data."
        )


def _check_mixture(mixer: Mixer, curriculum: Curriculum | None, store: TokenStore, settings: MixSettings) -> None:
    domains, goal = domains_of(mixer.budget, store, settings.row_tokens), settings.goal
    if mixer.budget is None:
        found = cap(staged(mixer.tell(domains, goal, ()), curriculum, domains, goal), domains, goal)
    else:  # its own weights are not known yet, but the stages are
        found = staged(one_stage(uniform(domains), "check", "", goal, {}), curriculum, domains, goal)
    run = store.domains(settings.row_tokens)
    make_plan(found, run, row_tokens=settings.row_tokens, block=1, seed=0, max_epochs=math.inf)


def _told(what: str, check: Callable[[], object]) -> None:
    """Say which mixture an error is about. Raises :class:`GristmillError`."""
    try:
        check()
    except UsageError as error:
        raise UsageError(f"{what}: {error}") from error
    except GristmillError as error:
        raise GristmillError(f"{what}: {error}") from error


def _documents(store: TokenStore, name: str) -> int:
    return sum(len(part.ends) for part in store.parts[name, "train"])
