"""What a change of the data does to a swarm: which trials are stranded, and which still count.

A trial is bound to the fingerprints of the domains that it read (:class:`gristmill.tasks.mix.mixers.mixer.Trial`).
While all of these are still there, its mixture means what it meant, so it is fitted with the new design and spares
draws. Olmix saves 74 % of the compute that way (arXiv 2602.12237).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gristmill.tasks.mix.domains import Domain
from gristmill.tasks.mix.mixers.mixer import Trial


@dataclass(frozen=True)
class Stranded:
    """A trial that cannot count any more, with the domains that it read whose tokens changed or are gone."""

    trial: Trial
    changed: tuple[str, ...]
    gone: tuple[str, ...]


def stranded(trials: Sequence[Trial], domains: Sequence[Domain]) -> list[Stranded]:
    """The trials among ``trials`` that a change of the data to ``domains`` makes worthless, in their order."""
    now = {domain.name: domain.fingerprint for domain in domains}
    found = []
    for each in trials:
        changed = tuple(name for name, digest in each.tokens.items() if name in now and now[name] != digest)
        gone = tuple(name for name in each.tokens if name not in now)
        if changed or gone or not each.tokens:
            found.append(Stranded(each, changed, gone))
    return found


def reusable(trials: Sequence[Trial], domains: Sequence[Domain]) -> list[Trial]:
    """The trials whose tokens are all still there, in their order."""
    lost = {each.trial.id for each in stranded(trials, domains)}
    return [each for each in trials if each.id not in lost]
