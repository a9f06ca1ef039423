"""Grade the same outputs under several conventions: which conventions fit a suite, and which answers they disagree on.

The choice of a convention (its extraction, its stop strings) can decide a score, so the changes are shown item by item.
 Cost: that of :func:`gristmill.evals.scoring.grading.grade` for each convention.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from gristmill.core.config import did_you_mean
from gristmill.core.errors import GristmillError, UsageError
from gristmill.evals.scoring.conventions import CONVENTIONS, Convention, TextConvention
from gristmill.evals.suites.items import AnswerItem
from gristmill.evals.suites.settings import split_limit
from gristmill.evals.suites.suite import Suite

GENERAL = "code"
"""The first part of the names of conventions that fit every suite of code."""

Flip = Mapping[str, Any]
"""``item``, ``repeat`` and ``verdicts``: each convention's verdict on that output."""


def benchmark_of(suite: Suite) -> str:
    """The benchmark of a suite, as in the names of conventions: ``mbpp`` for ``mbpp-sanitized@20``."""
    return re.split(r"[-.]", split_limit(suite.name)[0])[0].lower()


def fitting(suite: Suite) -> list[str]:
    """Every convention that can grade the suite: its own first, then its benchmark's, then general ones.

    ``humaneval.lm-eval`` belongs to the benchmark ``humaneval``; ``completion`` and ``code.first-block`` to none.
    """
    own = suite.settings.conventions
    families = {name.partition(".")[0] for name in own if "." in name} | {benchmark_of(suite), GENERAL}
    others = [
        name
        for name, found in CONVENTIONS.items()
        if name not in own
        and type(found) is type(CONVENTIONS[own[0]])
        and ("." not in name or name.partition(".")[0] in families)
        and reads_answers(found, suite)
    ]
    return [*own, *others]


def reads_answers(convention: Convention, suite: Suite) -> bool:
    """Whether every gold answer of the suite has the form that the convention compares."""
    if not isinstance(convention, TextConvention):
        return True
    pattern = re.compile(convention.answers)
    parts = (part for item in suite.items if isinstance(item, AnswerItem) for answer in item.answers for part in answer)
    return all(pattern.search(part) for part in parts)


def refuse_unfitting(suite: Suite, names: Sequence[str]) -> None:
    """Raises :class:`UsageError` for a convention that does not grade the suite."""
    known = fitting(suite)
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no convention {name!r} for {suite.name}{did_you_mean(name, known)}. "
                f"There are: {', '.join(known)}."
            )


def refuse_other_prompts(suite: Suite, responses: pa.Table) -> None:
    """Raises :class:`GristmillError` when the responses answer prompts that differ from the suite's current ones."""
    prompts = {item.id: suite.prompt(item) for item in suite.items}
    for row in responses.select(["item", "prompt"]).to_pylist():
        if prompts.get(row["item"]) != row["prompt"]:
            raise GristmillError(
                f"{suite.name}: the stored answer to {row['item']} belongs to another prompt: the suite has changed "
                "since. Evaluate the checkpoint again, or regrade with the version of Gristmill that asked."
            )


def flips(samples: pa.Table, conventions: Sequence[str]) -> list[Flip]:
    """The answers that do not get the same value under all ``conventions``, in the order of their items.

    An answer is left out if the machine failed under one of them.
    """
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for row in samples.to_pylist():
        found.setdefault((row["item"], row["repeat"]), {})[row["convention"]] = row
    return [
        {"item": item, "repeat": repeat, "verdicts": {name: by_name[name]["verdict"] for name in conventions}}
        for (item, repeat), by_name in sorted(found.items())
        if all(row["weight"] for row in by_name.values()) and len({row["value"] for row in by_name.values()}) > 1
    ]
