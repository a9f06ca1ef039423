"""Arms: changes of the training data, each a choice among documents and a factor on domains.

All arms of an experiment and its control are read from one token store. Its domains are cut into parts by which arms
hold a document (``code=5``: documents of the domain ``code`` that arms 0 and 2 hold), so an arm is a set of parts and
only plans differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field, model_validator

from gristmill.core.config import Config
from gristmill.core.errors import UsageError
from gristmill.tasks.domains.rules import DomainRule, Values
from gristmill.tasks.mix.domains import Domain, Vector

MARK = "="
"""Between a domain and the arms that hold a part of it, as hexadecimal digits."""
MOST_PARTS = 256


class Selection(Config):
    """Documents: those that meet every condition given, and of each condition any value."""

    source: Values = Field((), description="Names of curated sources.")
    host: Values = Field((), description="Hosts; example.org stands for all hosts below it too.")
    path: Values = Field((), description="Globs over the path of the URL: * within a part, ** over parts.")
    language: Values = Field((), description="ISO 639 codes.")
    domain: Values = Field((), description="Domains of the curation: code, mathematics, documentation, prose.")

    @model_validator(mode="after")
    def _selects(self) -> "Selection":
        if not any(getattr(self, name) for name in type(self).model_fields):
            raise ValueError("a selection needs a condition, such as {host: example.org} or {domain: code}")
        self.rule  # noqa: B018 - checks hosts and paths
        return self

    @property
    def rule(self) -> DomainRule:
        """The same as a rule of domains, which matches it."""
        return DomainRule(
            domain="chosen",
            source=self.source,
            host=self.host,
            path=self.path,
            language=self.language,
            curated=self.domain,
        )


class Arm(Config):
    """A change of the data. Without any it is the control's data again, as in an A/A test."""

    why: str = Field("", description="What the arm asks, in words; shown beside its effects.")
    leave_out: tuple[Selection, ...] = Field((), description="Documents that it does not read.")
    only: tuple[Selection, ...] = Field((), description="It reads nothing else.")
    weigh: dict[str, float] = Field(
        default_factory=dict, description="Factors on the shares of domains; the others make up for it in proportion."
    )

    @model_validator(mode="after")
    def _factors_are_positive(self) -> "Arm":
        for domain, factor in self.weigh.items():
            if not 0 <= factor < float("inf"):
                raise ValueError(f"weigh.{domain} is {factor}: give a factor from 0 up")
        return self


@dataclass(frozen=True)
class DataPart:
    """Documents of one domain that the same arms hold: its name in the token store, rows, and the arms' bits."""

    name: str
    domain: str
    holders: int
    tokens: int

    def held_by(self, arm: int) -> bool:
        """Whether arm number ``arm`` reads it; the control is number 0."""
        return bool(self.holders >> arm & 1)


def part_name(domain: str, holders: int) -> str:
    """The name of a part in the token store."""
    return f"{domain}{MARK}{holders:x}"


def domain_of(part: str) -> str:
    """The domain that a part belongs to."""
    return part.rpartition(MARK)[0]


def holders_of(part: str) -> int:
    """The arms that hold a part, a bit each; the control is bit 0."""
    return int(part.rpartition(MARK)[2], 16)


def parts_of(domains: Sequence[Domain]) -> list[DataPart]:
    """The parts of a token store that was made for an experiment. Raises :class:`UsageError` for too many."""
    if len(domains) > MOST_PARTS:
        raise UsageError(
            f"the arms cut the data into {len(domains)} parts, and {MOST_PARTS} are the most: leave arms out"
        )
    return [DataPart(each.name, domain_of(each.name), holders_of(each.name), each.tokens) for each in domains]


def shares_of(
    number: int, name: str, arm: Arm, parts: Sequence[DataPart], weights: Mapping[str, float] | None
) -> Vector:
    """The share of each part in what arm ``number`` reads, shape (parts,), sum 1.

    ``weights``: shares of domains in the control; in proportion to the control's tokens when None. A domain keeps its
    share when some of its documents go; one that goes whole leaves its share to the others.
    Raises :class:`UsageError` for an arm that holds nothing, and for domains that there are not.
    """
    known = sorted({part.domain for part in parts})
    for domain in (*arm.weigh, *(weights or {})):
        if domain not in known:
            raise UsageError(f"arm {name}: there is no domain {domain!r} to weigh. The data has {', '.join(known)}.")
    control = {domain: sum(p.tokens for p in parts if p.domain == domain and p.held_by(0)) for domain in known}
    held = {domain: sum(p.tokens for p in parts if p.domain == domain and p.held_by(number)) for domain in known}
    wished = {
        domain: (control[domain] if weights is None else weights.get(domain, 0.0)) * arm.weigh.get(domain, 1.0)
        for domain in known
        if held[domain]
    }
    total = sum(wished.values())
    if not total > 0:
        raise UsageError(f"arm {name} reads nothing: everything is left out or weighed 0")
    return np.array(
        [
            wished[part.domain] / total * part.tokens / held[part.domain] if part.held_by(number) else 0.0
            for part in parts
        ]
    )


def common_shares(parts: Sequence[DataPart], weights: Mapping[str, float] | None) -> Vector:
    """The shares of a plan over all parts, which control and arms differ from: shape (parts,), sum 1.

    A domain has its share in the control, spread over its parts by tokens; one that the control lacks has what its
    tokens give it.
    """
    whole = {part.domain: 0 for part in parts}
    for part in parts:
        whole[part.domain] += part.tokens
    wished = {
        domain: float(tokens if weights is None else weights.get(domain, 0.0)) for domain, tokens in whole.items()
    }
    if weights is not None and (missing := [domain for domain in whole if not wished[domain]]):
        wished |= {domain: whole[domain] / sum(whole.values()) for domain in missing}
    found = np.array([wished[part.domain] * part.tokens / whole[part.domain] for part in parts])
    shares: Vector = found / found.sum()
    return shares
