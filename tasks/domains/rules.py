"""The rules that give each curated document its domain: an ordered list, of which the first that matches decides.

A rule asks for any of several values of each thing that it names (source, host, path, language, domain of the curation,
topic, cluster), and for all the things that it names. ``domain`` names the domain that it gives; with ``each`` every
value is a domain of its own. What no rule takes gets the domain ``rest``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from gristmill.core.config import Config, did_you_mean, read_yaml
from gristmill.core.urls import plain_host
from gristmill.tasks.mix.domains import domain_problem

Each = Literal["source", "language", "curated", "topic", "cluster"]
CONDITIONS = ("source", "host", "path", "language", "curated", "topic", "cluster")
ALWAYS_THERE = ("source", "language", "curated")
SHOWN = 3


def _several(value: Any) -> Any:
    """One value, or a list of them; numbers are names of clusters."""
    values = value if isinstance(value, (list, tuple)) else [value]
    return [str(each) if isinstance(each, int) and not isinstance(each, bool) else each for each in values]


Values = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_several)]


class DomainRule(Config):
    """One rule. A document has to meet all of its conditions, and of each condition any value."""

    domain: str | None = Field(None, description="The domain that it gives.")
    each: Each | None = Field(None, description="In place of domain: each value of this is a domain of that name.")
    source: Values = Field((), description="Names of curated sources.")
    host: Values = Field((), description="Hosts; example.org stands for all hosts below it too.")
    path: Values = Field((), description="Globs over the path of the URL: * within a part, ** over parts.")
    language: Values = Field((), description="ISO 639 codes.")
    curated: Values = Field((), description="Domains of the curation: code, mathematics, documentation, prose.")
    topic: Values = Field((), description="Labels of the topic classifier; the likeliest label counts.")
    cluster: Values = Field((), description="Names or numbers of clusters; the nearest cluster counts.")
    at_least: float | None = Field(
        None, ge=0, le=1, description="Least probability of the topic, or similarity to the cluster's centre."
    )

    @field_validator("domain")
    @classmethod
    def _names_a_file(cls, value: str | None) -> str | None:
        return value if value is None else _domain_name(value)

    @field_validator("host")
    @classmethod
    def _plain_hosts(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if any(mark in value for mark in "/:*?#@ "):
                raise ValueError(
                    f"{value!r} is not a host: write example.org, which stands for all hosts below it too, and give "
                    "parts of addresses with path"
                )
        return tuple(plain_host(value.removeprefix(".")) for value in values)

    @field_validator("path")
    @classmethod
    def _absolute_paths(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not value.startswith("/"):
                raise ValueError(
                    f"{value!r} has to begin with /: a glob covers the whole path of a URL, as in /blog/**"
                )
        return values

    @model_validator(mode="after")
    def _says_what_it_gives(self) -> Self:
        if (self.domain is None) == (self.each is None):
            raise ValueError(
                "a rule needs a domain, or each: give one of them, as in {domain: wiki, host: wikipedia.org} or "
                "{each: source}"
            )
        if self.at_least is not None and not (self.asks_for("topic") or self.asks_for("cluster")):
            raise ValueError("at_least is for a topic or a cluster, and this rule asks for neither: leave it out")
        if self.at_least is not None and self.asks_for("topic") and self.asks_for("cluster"):
            raise ValueError("at_least could mean the topic or the cluster: use two rules")
        return self

    def asks_for(self, what: str) -> bool:
        """Whether it needs ``what`` of a document."""
        return bool(getattr(self, what)) or self.each == what

    @property
    def takes_everything(self) -> bool:
        """Whether no document can pass it."""
        return not any(getattr(self, what) for what in CONDITIONS) and self.each in (None, *ALWAYS_THERE)

    def told(self) -> str:
        """What it asks for, in a few words: ``host=example.org path=/blog/**``."""
        parts = [f"{what}={_few(getattr(self, what))}" for what in CONDITIONS if getattr(self, what)]
        parts += [] if self.each is None else [f"each {self.each}"]
        parts += [] if self.at_least is None else [f"at least {self.at_least:g}"]
        return " ".join(parts) or "everything"


class DomainRules(Config):
    """Rules in order, the domain of what they leave, and the models that they ask."""

    rules: tuple[DomainRule, ...] = Field(min_length=1, description="The first that matches decides.")
    rest: str = Field("rest", description="The domain of documents that no rule takes.")
    topics: str = Field(
        "", description="Topic classifier: a name that `gristmill domains train` gave, or the path of a fastText model."
    )
    clusters: str = Field("", description="Clusters: a name that `gristmill domains cluster` gave, or its folder.")

    @field_validator("rest")
    @classmethod
    def _names_a_file(cls, value: str) -> str:
        return _domain_name(value)

    @model_validator(mode="after")
    def _can_all_fire(self) -> Self:
        for number, rule in enumerate(self.rules[:-1], start=1):
            if rule.takes_everything:
                raise ValueError(
                    f"rule {number} ({rule.told()}) takes every document, so no later rule can take one: move it to "
                    "the end, or give it a condition"
                )
        for model, what, make in (("topics", "topic", "train"), ("clusters", "cluster", "cluster")):
            asking = [number for number, rule in enumerate(self.rules, start=1) if rule.asks_for(what)]
            if asking and not getattr(self, model):
                raise ValueError(
                    f"rule {asking[0]} asks for a {what}, and no model is named: set {model}: NAME; "
                    f"`gristmill domains {make}` makes one"
                )
            if getattr(self, model) and not asking:
                raise ValueError(f"{model} names a model, and no rule asks for a {what}: leave it out, or add a rule")
        return self

    def needs(self, what: str) -> bool:
        """Whether a rule asks for ``what``."""
        return any(rule.asks_for(what) for rule in self.rules)

    def known_domains(self) -> list[str] | None:
        """The domains that there can be, sorted; None where a rule names them after what it finds."""
        if any(rule.each is not None for rule in self.rules):
            return None
        return sorted({self.rest, *(rule.domain for rule in self.rules if rule.domain is not None)})


def read_rules(path: Path) -> DomainRules:
    """The rules of a domains file. Raises :class:`UsageError` for a missing file, wrong YAML, keys or rules.

    A settings file of ``gristmill mix`` will do: its key ``domains`` is taken.
    """
    values = read_yaml(path)
    if isinstance(values, dict) and "rules" not in values and "domains" in values:
        values = values["domains"]
        if isinstance(values, str):
            return read_rules(Path(values))
    return DomainRules.parse(values, str(path))


def check_values(rules: DomainRules, what: str, known: Sequence[str], of: str) -> None:
    """Raises ``ValueError`` for a value of ``what`` (topic or cluster) that the model ``of`` does not have, and for one
    that cannot be a domain where each is."""
    for number, rule in enumerate(rules.rules, start=1):
        for value in getattr(rule, what):
            if value not in known:
                raise ValueError(f"rule {number}: {of} has no {what} {value!r}{did_you_mean(value, list(known))}")
        for value in known if rule.each == what else ():
            if domain_problem(value):
                raise ValueError(
                    f"rule {number}: the {what} {value!r} cannot be a domain, which names files: use rules with "
                    f"domain: NAME and {what}: in place of each"
                )


def _domain_name(value: str) -> str:
    if problem := domain_problem(value):
        raise ValueError(problem)
    return value


def _few(values: Sequence[str]) -> str:
    more = f",+{len(values) - SHOWN}" if len(values) > SHOWN else ""
    return ",".join(values[:SHOWN]) + more
