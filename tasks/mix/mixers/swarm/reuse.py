"""What a change of the data does to trials: which are stranded, and which still count.

A trial is bound to the fingerprints of the domains that it read (:class:`gristmill.tasks.mix.mixers.mixer.Trial`).
While all of these are still there, its mixture means what it meant, so a swarm fits it with the new design and spares
draws. Olmix saves 74 % of the compute that way (arXiv 2602.12237).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gristmill.tasks.mix.domains import Domain
from gristmill.tasks.mix.mixers.mixer import Trial


@dataclass(frozen=True)
class Lost:
    """The domains that a trial read and whose tokens changed or are gone. With none of either it still counts."""

    changed: tuple[str, ...]
    gone: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether the trial is stranded."""
        return bool(self.changed or self.gone)


def stranded(read: Mapping[str, str], now: Mapping[str, str]) -> Lost:
    """What of the domains that a trial ``read`` is no longer as it was. Both are fingerprints of tokens by domain."""
    return Lost(
        changed=tuple(name for name, digest in read.items() if name in now and now[name] != digest),
        gone=tuple(name for name in read if name not in now),
    )


def reusable(trials: Sequence[Trial], domains: Sequence[Domain]) -> list[Trial]:
    """The trials whose tokens are all still there, in their order."""
    now = {domain.name: domain.fingerprint for domain in domains}
    return [each for each in trials if each.tokens and not stranded(each.tokens, now)]
