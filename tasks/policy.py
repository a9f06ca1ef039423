"""Policies: small YAML files of rules over signals that say which documents stay.

A rule looks at one signal, a column that an earlier step wrote, and names what it demands of it. Scoring and deciding
are apart (Dolma's attributes, RedPajama-v2's signals): another threshold is another policy and recomputes no signal.

A rule that could never remove a document, or that no document could pass, is a slip of the pen and is refused when the
policy is loaded. The possible range of a signal is read from the contract: every number is 0 or more, and a ``float64``
column is a ratio in [0, 1] unless its description says "may exceed 1", "count" or "not a ratio".
"""

import math
from collections import Counter
from pathlib import Path
from typing import Self

import pyarrow as pa
from pydantic import Field, StrictBool, StrictStr, field_validator, model_validator

from schemas.config import Config, did_you_mean
from schemas.errors import UsageError
from schemas.signals import SIGNALS

POLICIES = Path(__file__).parent / "policies"
UNBOUNDED = ("may exceed 1", "count", "not a ratio")


class Rule(Config):
    """One demand on one signal: an inclusive range (``min``, ``max``), one value (``equals``), or a list (``one_of``).

    A document whose signal is missing (null or NaN) fails the rule.
    """

    name: str = Field(min_length=1)
    signal: str
    min: float | None = Field(default=None, allow_inf_nan=False)
    max: float | None = Field(default=None, allow_inf_nan=False)
    equals: StrictBool | StrictStr | None = None
    one_of: tuple[str, ...] | None = None
    about: str = ""

    @field_validator("signal")
    @classmethod
    def _known(cls, signal: str) -> str:
        signal_field(signal)
        return signal

    @model_validator(mode="after")
    def _can_fire(self) -> Self:
        kinds = [self.min is not None or self.max is not None, self.equals is not None, self.one_of is not None]
        if sum(kinds) != 1:
            raise ValueError(f"rule {self.name}: give either min and/or max, or equals, or one_of")
        kind = signal_field(self.signal).type
        if pa.types.is_boolean(kind):
            self._check_boolean()
        elif pa.types.is_string(kind):
            self._check_text()
        else:
            self._check_number(*signal_range(self.signal))
        return self

    def _check_boolean(self) -> None:
        if not isinstance(self.equals, bool):
            raise ValueError(f"rule {self.name}: {self.signal} is true or false; write equals: true or equals: false")

    def _check_text(self) -> None:
        if self.one_of is not None and not self.one_of:
            raise ValueError(f"rule {self.name}: one_of is empty, so no document could pass; name the values that may")
        if self.one_of is None and not isinstance(self.equals, str):
            raise ValueError(f"rule {self.name}: {self.signal} is text; write equals: value or one_of: [value, ...]")

    def _check_number(self, low: float, high: float) -> None:
        if self.equals is not None or self.one_of is not None:
            raise ValueError(f"rule {self.name}: {self.signal} is a number; write min and/or max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"rule {self.name}: min {number(self.min)} is above max {number(self.max)}")
        for bound in (self.min, self.max):
            if bound is not None and not low <= bound <= high:
                upper = f"between 0 and {number(high)}" if math.isfinite(high) else "0 or more"
                raise ValueError(f"rule {self.name}: {number(bound)} is out of range; {self.signal} is {upper}")
        fires_low = self.min is not None and self.min > low
        fires_high = self.max is not None and self.max < high
        if not fires_low and not fires_high:
            raise ValueError(f"rule {self.name}: it can never fire, because every {self.signal} satisfies it")


class Policy(Config):
    """Rules in order, and the signal that serves as the quality of a document.

    ``quality`` picks the representative of a duplicate cluster and fills ``curated.quality``. ``lineage`` says whose
    constants these are, because the published descriptions of a preset disagree with its code.
    """

    name: str = Field(min_length=1)
    lineage: str = Field(min_length=1)
    about: str = ""
    quality: str
    rules: tuple[Rule, ...] = Field(min_length=1)

    @field_validator("quality")
    @classmethod
    def _numeric(cls, quality: str) -> str:
        kind = signal_field(quality).type
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

    def signals(self) -> list[str]:
        """The signals that the rules look at, each once, in the order of the rules."""
        return list(dict.fromkeys(rule.signal for rule in self.rules))


def load_policy(name_or_path: str) -> Policy:
    """A preset by name, or a YAML file by path.

    Raises :class:`UsageError` for an unknown preset, a missing file, a wrong key, an unknown signal, or a rule that
    can never fire or never be passed.
    """
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        return Policy.load(path)
    presets = policy_names()
    if name_or_path not in presets:
        hint = did_you_mean(name_or_path, presets)
        raise UsageError(f"there is no policy {name_or_path!r}{hint}. A file of your own is given by its path.")
    return Policy.load(POLICIES / f"{name_or_path}.yaml")


def policy_names() -> list[str]:
    """Names of the presets, sorted."""
    return sorted(path.stem for path in POLICIES.glob("*.yaml"))


def signal_names() -> list[str]:
    """Every signal as ``table.column``, in the order of the contract."""
    return [f"{_short(table.name)}.{name}" for table in SIGNALS for name in table.schema.names if name != "doc_id"]


def signal_field(signal: str) -> pa.Field:
    """The column that ``signal`` (``table.column``) names. Raises ``ValueError`` saying what was probably meant."""
    name, _, column = signal.partition(".")
    for table in SIGNALS:
        if _short(table.name) == name and column != "doc_id" and column in table.schema.names:
            return table.schema.field(column)
    raise ValueError(f"there is no signal {signal!r}{did_you_mean(signal, signal_names())}")


def signal_range(signal: str) -> tuple[float, float]:
    """Lowest and highest possible value of a numeric signal: [0, 1] for a ratio, [0, inf) otherwise."""
    field = signal_field(signal)
    about = field.metadata[b"about"].decode()
    ratio = pa.types.is_floating(field.type) and not any(words in about for words in UNBOUNDED)
    return 0.0, 1.0 if ratio else math.inf


def number(value: float) -> str:
    """A number as people write it: ``50``, ``0.65``, ``100000``."""
    return str(int(value)) if value == int(value) else repr(float(value))


def _short(table: str) -> str:
    return table.removeprefix("signals/")
