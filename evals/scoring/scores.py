"""Score: samples become scores with error bars, for a suite as a whole, for each of its subjects, and macro-averaged.

An item counts once: several answers to it are averaged first. Every answer counts. If the machine failed on one
(verdict ``infra``, after its retries) there is no score, because a score of the others would be one of a different set,
which the model's own output might select. Code has pass@k for every k of ``ks`` with enough samples of each problem. A
single item has the widest possible interval. The headline, one row per suite, is its first convention's score over
``all`` items (what lm-eval reports for a board; OpenCompass reports ``macro``, which is a separate row).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.core.errors import GristmillError, NoScoreError
from gristmill.core.hints import some_of
from gristmill.core.table import conform
from gristmill.evals.jail.capability import capability
from gristmill.evals.scoring.conventions import CONVENTIONS, CodeConvention
from gristmill.evals.statistics.interval import within
from gristmill.evals.statistics.means import Mean, is_binary, macro_mean, mean
from gristmill.evals.statistics.passk import bootstrap_mean, pass_at_k
from gristmill.evals.statistics.proportions import above_chances
from gristmill.evals.statistics.ratio import Floats, cluster_codes, ratio_estimate
from gristmill.evals.suites.items import ChoiceItem
from gristmill.evals.suites.suite import Suite
from gristmill.schemas.scores import ALL, BITS, MACRO
from gristmill.schemas.tables import Samples, Scores

PASS = "pass@1"  # noqa: S105 - a metric
KS = (10, 100)
"""The default k of pass@k, besides 1."""
NAMED = 5

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Scored:
    """The items of one convention, by column. ``passed`` is the sum of an item's values."""

    items: Sequence[str]
    subsets: Sequence[str]
    clusters: Sequence[str]
    passed: Floats
    weights: Floats
    answers: Floats

    def only(self, places: Sequence[int]) -> "Scored":
        """The items at ``places``."""
        at = list(places)
        return Scored(
            items=[self.items[place] for place in places],
            subsets=[self.subsets[place] for place in places],
            clusters=[self.clusters[place] for place in places],
            passed=self.passed[at],
            weights=self.weights[at],
            answers=self.answers[at],
        )

    @property
    def values(self) -> Floats:
        """The mean of the answers to each item."""
        return self.passed / self.answers


Measure = Callable[[Scored, bool], Mean]
"""A score of some items; macro-averaged over their subsets if the second argument is true."""


def score(suite: Suite, samples: pa.Table, ks: Sequence[int] = KS) -> pa.Table:
    """The scores of one checkpoint's samples, for every convention among them.

    Raises what :func:`require_answers` does, and :class:`GristmillError` for a subject called ``all`` or ``macro``.
    """
    require_answers(suite, samples)
    rows = sorted(samples.select(Samples.schema.names).to_pylist(), key=lambda row: (row["convention"], row["item"]))
    found: list[dict[str, Any]] = []
    for convention, group in groupby(rows, key=lambda row: row["convention"]):
        found.extend(_scores(suite, convention, list(group), ks))
    return conform(Scores, pa.Table.from_pylist(found, schema=Scores.schema))


def require_answers(suite: Suite, samples: pa.Table) -> None:
    """Raises :class:`NoScoreError` when the machine failed on an answer; the message says on which, and why."""
    failed = samples.filter(pc.equal(samples["weight"], 0)).select(["checkpoint", "item", "detail"]).to_pylist()
    if failed:
        names = list(dict.fromkeys(row["item"] for row in failed))
        some = some_of(names, NAMED)
        raise NoScoreError(
            f"{suite.name}: no score, because the machine failed on {len(failed)} of {samples.num_rows} graded answers "
            f"(infra), of {len(names)} items: {some}. First reason: {failed[0]['detail']}. The answers are kept: run "
            "`gristmill doctor`, then the same command again.",
            unanswered=[
                {"checkpoint": row["checkpoint"], "item": row["item"], "reason": row["detail"]} for row in failed
            ],
        )


def scored(rows: Sequence[Row]) -> Scored:
    """Samples of one convention, sorted by item, as columns."""
    kept = [list(group) for _, group in groupby(rows, key=lambda row: row["item"])]
    return Scored(
        items=[answers[0]["item"] for answers in kept],
        subsets=[answers[0]["subset"] for answers in kept],
        clusters=[answers[0]["cluster"] for answers in kept],
        passed=np.array([sum(row["value"] for row in answers) for answers in kept], dtype=np.float64),
        weights=np.array([sum(row["weight"] for row in answers) for answers in kept], dtype=np.float64),
        answers=np.array([len(answers) for answers in kept], dtype=np.float64),
    )


def _scores(suite: Suite, convention: str, samples: Sequence[Row], ks: Sequence[int]) -> Iterator[dict[str, Any]]:
    found = scored(samples)
    named = [name for name in dict.fromkeys(found.subsets) if name]
    if taken := {ALL, MACRO}.intersection(named):
        raise GristmillError(f"{suite.name}: a subject is called {taken.pop()!r}, which names a whole. Rename it.")
    grading = CONVENTIONS[convention]
    chances = {item.id: item.chance for item in suite.items if isinstance(item, ChoiceItem)}
    tier = capability().tier if isinstance(grading, CodeConvention) else ""
    for metric, measure in _measures(grading.metric, found, ks):
        for subset, inside in _parts(found, named, grading.metric):
            result = measure(inside, subset == MACRO)
            chance, p = _chance(inside, chances, subset == MACRO) if grading.metric != BITS else (None, None)
            yield {
                "checkpoint": samples[0]["checkpoint"],
                "suite": suite.name,
                "area": suite.settings.area,
                "metric": metric,
                "convention": convention,
                "headline": (convention, metric, subset) == (suite.settings.conventions[0], grading.metric, ALL),
                "subset": subset,
                **result.interval._asdict(),
                "n": len(inside.items),
                "chance": chance,
                "above_chance": p,
                "higher_is_better": metric != BITS,
                "method": result.method,
                "failures": 0,
                "jail_tier": tier,
            }


def _parts(found: Scored, named: Sequence[str], metric: str) -> Iterator[tuple[str, Scored]]:
    """All items, each subject, and all again for the macro average if there are two subjects or more.

    Bits per byte are pooled over bytes, so they have no macro average; a single text has no error bar and no score.
    """
    parts = [(ALL, found)]
    if len(named) > 1:
        places: dict[str, list[int]] = {name: [] for name in (*named, "")}
        for place, subset in enumerate(found.subsets):
            places[subset].append(place)
        parts += [(name, found.only(places[name])) for name in named]
        parts.append((MACRO, found))
    for name, part in parts:
        if metric != BITS or (name != MACRO and cluster_codes(part.clusters).max() > 0):
            yield name, part


def _measures(metric: str, found: Scored, ks: Sequence[int]) -> Iterator[tuple[str, Measure]]:
    if metric == BITS:
        yield metric, _bits
        return
    yield metric, _mean if metric != PASS else _passes(1)
    if metric == PASS:
        yield from ((f"pass@{k}", _passes(k)) for k in ks if k > 1 and found.answers.min() >= k)


def _mean(found: Scored, macro: bool) -> Mean:
    return macro_mean(found.values, found.clusters, found.subsets) if macro else mean(found.values, found.clusters)


def _passes(k: int) -> Measure:
    """pass@k: bootstrapped over problems, unless each is passed or failed outright or problems are clustered."""

    def measure(found: Scored, macro: bool) -> Mean:
        values = pass_at_k(found.answers, found.passed, k)
        if macro:
            return macro_mean(values, found.clusters, found.subsets)
        if is_binary(values) or any(found.clusters) or values.size == 1:
            return mean(values, found.clusters)
        return Mean(bootstrap_mean(values), "bootstrap over problems")

    return measure


def _bits(found: Scored, _macro: bool) -> Mean:
    """Bits over bytes, with documents or passages as units."""
    estimate = ratio_estimate(found.passed, found.weights, clusters=found.clusters)
    return Mean(within(estimate.interval(), most=np.inf), "ratio estimator, Student t")


def _chance(found: Scored, chances: Mapping[str, float], macro: bool) -> tuple[float | None, float | None]:
    """The score of guessing, and the probability that guessing scores as high; exact if answers are right or wrong."""
    if not chances:
        return None, None
    of_items = np.array([chances[item] for item in found.items])
    if macro:
        subsets = np.array(found.subsets)
        return float(np.mean([of_items[subsets == name].mean() for name in dict.fromkeys(found.subsets)])), None
    p = above_chances(round(float(found.passed.sum())), of_items) if is_binary(found.values) else None
    return float(of_items.mean()), p
