"""Policies: small YAML files of rules over signals that say which documents stay.

A rule looks at one signal, a column that an earlier step wrote, and names what it demands of it. Scoring and deciding
are separate (Dolma's attributes, RedPajama-v2's signals): another threshold is another policy and recomputes no signal.
A policy may hand some documents to another one (``switch``): the first case whose condition holds judges alone, and
the file's own rules judge the rest. A preset carries its lineage in its name, because the published descriptions of
one filter disagree with each other and with the code.

A rule that could never remove a document, or that no document could pass, is a mistake and is refused when the policy
is loaded.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import pyarrow as pa
from pydantic import Field, StrictBool, StrictStr, field_validator, model_validator

from gristmill.core.config import Config, did_you_mean, read_yaml
from gristmill.core.errors import UsageError
from gristmill.schemas.tables import SIGNALS
from gristmill.tasks.filtering.signal_columns import number, short_name, signal_column, signal_range
from gristmill.tasks.safety.policy.rules import SafetyPolicy

POLICIES = Path(__file__).parent / "policies"
ALIASES = {
    "fineweb": "fineweb@code",
    "gopher": "gopher@datatrove-0.10",
}  # what people type; a run records the full name
Clean = Literal["none", "c4@fineweb", "c4@paper", "c4@tfds", "refinedweb"]


class Condition(Config):
    """What a signal has to be: in an inclusive range (``min``, ``max``), one value (``equals``), or one of a list.

    A document whose signal is missing (null or NaN) does not meet it.
    """

    signal: str
    min: float | None = Field(default=None, allow_inf_nan=False)
    max: float | None = Field(default=None, allow_inf_nan=False)
    equals: StrictBool | StrictStr | None = None
    one_of: tuple[str, ...] | None = None
    about: str = ""

    @property
    def label(self) -> str:
        """Its name in error messages."""
        return self.signal

    @field_validator("signal")
    @classmethod
    def _known(cls, signal: str) -> str:
        signal_column(signal)
        return signal

    @model_validator(mode="after")
    def _can_fail(self) -> Self:
        kinds = [self.min is not None or self.max is not None, self.equals is not None, self.one_of is not None]
        if sum(kinds) != 1:
            raise ValueError(f"{self.label}: give either min and/or max, or equals, or one_of")
        kind = signal_column(self.signal).type
        if pa.types.is_boolean(kind):
            self._check_boolean()
        elif pa.types.is_string(kind):
            self._check_text()
        else:
            self._check_number(*signal_range(self.signal))
        return self

    def _check_boolean(self) -> None:
        if not isinstance(self.equals, bool):
            raise ValueError(f"{self.label}: {self.signal} is true or false; write equals: true or equals: false")

    def _check_text(self) -> None:
        if self.one_of is not None and not self.one_of:
            raise ValueError(f"{self.label}: one_of is empty, so no document could pass; name the values that may")
        if self.one_of is None and not isinstance(self.equals, str):
            raise ValueError(f"{self.label}: {self.signal} is text; write equals: value or one_of: [value, ...]")

    def _check_number(self, low: float, high: float) -> None:
        if self.equals is not None or self.one_of is not None:
            raise ValueError(f"{self.label}: {self.signal} is a number; write min and/or max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"{self.label}: min {number(self.min)} is above max {number(self.max)}")
        for bound in (self.min, self.max):
            if bound is not None and not low <= bound <= high:
                upper = f"between 0 and {number(high)}" if math.isfinite(high) else "0 or more"
                raise ValueError(f"{self.label}: {number(bound)} is out of range; {self.signal} is {upper}")
        fires_low = self.min is not None and self.min > low
        fires_high = self.max is not None and self.max < high
        if not fires_low and not fires_high:
            raise ValueError(f"{self.label}: it can never fire, because every {self.signal} satisfies it")


class Rule(Condition):
    """One demand on one signal: a document that does not meet it fails."""

    name: str = Field(min_length=1)

    @property
    def label(self) -> str:
        """``rule`` and its name."""
        return f"rule {self.name}"


class Case(Condition):
    """Documents that meet the condition are judged by ``policy``, and by nothing else of the file it stands in."""

    policy: "Policy"

    @property
    def label(self) -> str:
        """Its name in error messages."""
        return f"switch to {self.policy.name}"

    @field_validator("policy")
    @classmethod
    def _no_safety(cls, policy: "Policy") -> "Policy":
        if policy.safety != SafetyPolicy():
            raise ValueError(f"safety of {policy.name}: it would not be used; put it in the outermost policy")
        return policy


class Policy(Config):
    """Rules in order, and the signal that serves as the quality of a document.

    ``quality`` picks the representative of a duplicate cluster and fills ``curated.quality``; where policies switch it
    is the outermost one's that counts, because qualities have to be comparable. ``lineage`` says whose constants these
    are, because the published descriptions of a preset disagree with its code. ``clean`` is the lineage by which lines
    are cut from the documents that this policy keeps. ``safety`` says what happens to findings, in every branch: it is
    the outermost policy's alone.
    """

    name: str = Field(min_length=1)
    lineage: str = Field(min_length=1)
    about: str = ""
    quality: str
    clean: Clean = "none"
    safety: SafetyPolicy = SafetyPolicy()
    switch: tuple[Case, ...] = ()
    rules: tuple[Rule, ...] = Field(min_length=1)

    @field_validator("quality")
    @classmethod
    def _numeric(cls, quality: str) -> str:
        kind = signal_column(quality).type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
            raise ValueError(f"quality: {quality} is {kind}; name a signal that is a number")
        return quality

    @field_validator("rules")
    @classmethod
    def _named_apart(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        repeated = [name for name, count in Counter(rule.name for rule in rules).items() if count > 1]
        if repeated:
            raise ValueError(f"two rules are called {repeated[0]}; the ledger tells rules apart by name")
        return rules

    @model_validator(mode="after")
    def _branches_told_apart(self) -> Self:
        by_name: dict[str, Policy] = {}
        for policy in self._all():
            if by_name.setdefault(policy.name, policy) != policy:
                raise ValueError(
                    f"two different policies are called {policy.name}; the ledger tells them apart by name, so give "
                    "one another name"
                )
        return self

    def branches(self) -> tuple["Branch", ...]:
        """Every policy that may judge: this one first, then those it switches to, each once, in the file's order."""
        found: list[Branch] = []
        for policy in dict.fromkeys(self._all()):
            first = found[-1].first_rank + len(found[-1].policy.rules) if found else 1
            found.append(Branch(policy, f"{policy.name}/" if found else "", first))
        return tuple(found)

    def signals(self) -> list[str]:
        """The signals that rules and cases look at, in every branch, each once."""
        looked_at: dict[str, None] = {}
        for policy in self._all():
            looked_at.update(dict.fromkeys(case.signal for case in policy.switch))
            looked_at.update(dict.fromkeys(rule.signal for rule in policy.rules))
        return list(looked_at)

    def of_quality(self) -> "Policy":
        """The same without its safety rules: what stage ``decide`` depends on."""
        return self.model_copy(update={"safety": SafetyPolicy()})

    def _all(self) -> Iterator["Policy"]:
        yield self
        for case in self.switch:
            yield from case.policy._all()


@dataclass(frozen=True)
class Branch:
    """A policy that judges some of the documents, and how the ledger tells its rules from those of the others.

    Ranks run on from branch to branch; names of rules carry ``prefix``: empty for the outermost policy, ``NAME/`` else.
    """

    policy: Policy
    prefix: str
    first_rank: int

    def ranked(self) -> Iterator[tuple[int, str, Rule]]:
        """Rank, name in the ledger, and rule."""
        for rank, rule in enumerate(self.policy.rules, start=self.first_rank):
            yield rank, f"{self.prefix}{rule.name}", rule


def load_policy(name_or_path: str) -> Policy:
    """A preset by name, or a YAML file by path.

    Raises :class:`UsageError` for an unknown preset, a missing file, a wrong key, an unknown signal, a rule that can
    never fire or never be passed, and policies that switch in a circle.
    """
    path = policy_path(name_or_path, Path())
    return Policy.parse(_resolved(path, ()), str(path))


def policy_names() -> list[str]:
    """Full names of the presets, sorted."""
    return sorted(path.stem for path in POLICIES.glob("*.yaml"))


def policy_path(name_or_path: str, folder: Path) -> Path:
    """The file of a preset or of a path relative to ``folder``. Raises :class:`UsageError` for an unknown preset."""
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        return folder / path.expanduser()
    presets = policy_names()
    name = ALIASES.get(name_or_path, name_or_path)
    if name not in presets:
        lineages = [preset for preset in presets if preset.startswith(f"{name}@")]
        known = [*presets, *ALIASES]
        hint = f" (there are {', '.join(lineages)})" if lineages else did_you_mean(name_or_path, known)
        raise UsageError(f"there is no policy {name_or_path!r}{hint}. A file of your own is given by its path.")
    return POLICIES / f"{name}.yaml"


def _resolved(path: Path, above: tuple[Path, ...]) -> Any:
    """The values of a policy file, with every policy that it names replaced by that policy's values."""
    path = path.resolve()
    if path in above:
        circle = " -> ".join(entry.name for entry in (*above[above.index(path) :], path))
        raise UsageError(f"{path}: policies switch in a circle ({circle}). Remove one of the cases.")
    values = read_yaml(path)
    cases = values.get("switch") if isinstance(values, dict) else None
    if not isinstance(cases, list):
        return values
    return values | {"switch": [_resolved_case(case, path, above) for case in cases]}


def _resolved_case(case: Any, path: Path, above: tuple[Path, ...]) -> Any:
    if not isinstance(case, dict) or not isinstance(case.get("policy"), str):
        return case
    try:
        inner = policy_path(case["policy"], path.parent)
    except UsageError as error:
        raise UsageError(f"{path}: switch: {error}") from error
    return case | {"policy": _resolved(inner, (*above, path))}


def needed_sets(policy: Policy) -> list[str]:
    """Names of the signals tables that a run with this policy reads, in the order of the contract."""
    named = {signal.partition(".")[0] for signal in [*policy.signals(), *policy.safety.signals(), policy.quality]}
    return [table.name for table in SIGNALS if short_name(table) in named]


def missing_sets(policy: Policy, computed: set[str]) -> list[str]:
    """The signals tables (``signals/...``) that the policy needs and that are not in ``computed``."""
    return [name for name in needed_sets(policy) if name not in computed]


def refuse_missing_sets(policy: Policy, computed: set[str]) -> None:
    """Raise :class:`UsageError` before a run when it will not compute what its policy looks at."""
    missing = missing_sets(policy, computed)
    if missing:
        rules = [
            name
            for branch in policy.branches()
            for _, name, rule in branch.ranked()
            if f"signals/{rule.signal.partition('.')[0]}" in missing
        ]
        rules += [
            f"safety.{signal}" for signal in policy.safety.signals() if f"signals/{signal.partition('.')[0]}" in missing
        ]
        asked = f"the rules {', '.join(rules)} look at" if rules else "it looks at"
        raise UsageError(
            f"policy {policy.name}: {asked} {', '.join(missing)}, which this run does not compute. Turn those signals "
            "on, or remove the rules from the policy."
        )
