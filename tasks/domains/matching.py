"""Which rule takes each document of a batch. Models are asked only about documents that no rule before has taken.

Hosts match by suffix at a dot; paths match as globs over the whole path of the URL's plain form
(``gristmill.core.urls``). Cost: a million documents a second for rules over hosts and languages, 300,000 where there
are globs over paths; else what the models take.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.tasks.domains.rules import DomainRule
from gristmill.tasks.text.urls import plain_urls

PATH = r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*([^?#]*)"
REST = "rest"

Mask = npt.NDArray[np.bool_]
Strings = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]

Ask = Callable[[pl.Series], tuple[Strings, Floats]]
"""A model: the label of each text, None where it knows nothing, and the label's score."""


@dataclass
class Traits:
    """What rules ask of the documents of one batch, each worked out when it is first asked for.

    ``rows``: columns of ``curated``. ``models``: what answers for topic and cluster.
    """

    rows: pl.DataFrame
    models: Mapping[str, Ask]
    _answers: dict[str, tuple[Strings, Floats, Mask]] = field(default_factory=dict)
    _paths: pl.Series | None = None

    def values(self, what: str, wanted: Mask) -> Strings:
        """The source, language, curated domain, topic or cluster of each document, at least of those ``wanted``."""
        if what in self.models:
            return self._asked(what, wanted)[0]
        found: Strings = self.rows["domain" if what == "curated" else what].to_numpy()
        return found

    def scores(self, what: str, wanted: Mask) -> Floats:
        """The score of the topic or cluster."""
        return self._asked(what, wanted)[1]

    def on_host(self, hosts: Sequence[str]) -> Mask:
        """Documents on one of the hosts, or on a host below one."""
        distinct = self.rows["host"].unique().drop_nulls()
        listed = frozenset(hosts)
        found = [host for host in distinct.to_list() if any(above in listed for above in _above(host))]
        mask: Mask = self.rows["host"].is_in(found).fill_null(value=False).to_numpy()
        return mask

    def on_path(self, globs: Sequence[str]) -> Mask:
        """Documents with a URL whose path one of the globs covers."""
        if self._paths is None:
            urls = self.rows["url"]
            paths = plain_urls(urls).fill_null(urls).str.extract(PATH)
            self._paths = pl.select(pl.when(paths == "").then(pl.lit("/")).otherwise(paths)).to_series()
        expression = "|".join(glob_expression(glob) for glob in globs)
        mask: Mask = self._paths.str.contains(f"^(?:{expression})$").fill_null(value=False).to_numpy()
        return mask

    def _asked(self, what: str, wanted: Mask) -> tuple[Strings, Floats, Mask]:
        if what not in self._answers:
            count = self.rows.height
            self._answers[what] = (np.full(count, None, object), np.zeros(count), np.zeros(count, np.bool_))
        labels, scores, known = self._answers[what]
        missing = wanted & ~known
        if missing.any():
            labels[missing], scores[missing] = self.models[what](self.rows["text"].filter(pl.Series(missing)))
            known |= missing
        return labels, scores, known


def decide(traits: Traits, rules: Sequence[DomainRule], rest: str) -> pl.DataFrame:
    """``domain``, ``rule`` and ``score`` of each document; the score is null where no model decided."""
    count = traits.rows.height
    domains, took, scores = np.full(count, rest, object), np.full(count, REST, object), np.full(count, np.nan)
    left = np.ones(count, np.bool_)
    for number, rule in enumerate(rules, start=1):
        if not left.any():
            break
        met, score = meets(traits, rule, left)
        domains[met] = rule.domain if rule.each is None else traits.values(rule.each, met)[met]
        took[met] = f"{number}: {rule.told()}"
        if score is not None:
            scores[met] = score[met].round(6)
        left &= ~met
    columns = {"domain": pl.Series(domains, dtype=pl.String), "rule": pl.Series(took, dtype=pl.String)}
    return pl.DataFrame({**columns, "score": pl.Series(scores).fill_nan(None)})


def meets(traits: Traits, rule: DomainRule, left: Mask) -> tuple[Mask, Floats | None]:
    """Which of the documents ``left`` meet a rule, and the scores of the topic or cluster that it asks for.

    What costs least is asked first.
    """
    met = left.copy()
    for what in ("source", "language", "curated"):
        if listed := getattr(rule, what):
            met &= np.isin(traits.values(what, met).astype(str), listed)
    if rule.host:
        met &= traits.on_host(rule.host)
    if rule.path:
        met &= traits.on_path(rule.path)
    score: Floats | None = None
    for what in ("cluster", "topic"):
        if rule.asks_for(what):
            values, score = traits.values(what, met), traits.scores(what, met)
            listed = getattr(rule, what)
            met &= np.isin(values.astype(str), listed) if listed else values != None  # noqa: E711 - of each entry
            if rule.at_least is not None:
                met &= score >= rule.at_least
    return met, score


def glob_expression(glob: str) -> str:
    """A regular expression for a glob: ``*`` is anything within a part of the path, ``**`` anything, ``?`` one
    character; ``/blog/**`` covers ``/blog`` too."""
    head, below = (glob[:-3], "(?:/.*)?") if glob.endswith("/**") else (glob, "")
    marks = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(marks.get(part) or re.escape(part) for part in re.split(r"(\*\*|\*|\?)", head)) + below


def _above(host: str) -> list[str]:
    """A host and all names above it."""
    labels = host.split(".")
    return [".".join(labels[place:]) for place in range(len(labels))]
