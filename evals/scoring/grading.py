"""Grade: stored responses become samples, one for each answer and convention. Pure, except for the code jail.

Outputs are graded whole, except for the thinking of a reasoning model (:mod:`gristmill.evals.scoring.thinking`): the
suite's stop strings were applied when the model was asked. Code runs in the jail and nowhere else. An answer on which
the machine failed (verdict ``infra``) is kept as a sample of weight 0 and never counts as wrong. Cost: about 35 ms per
program and core, 1 to 50 ms per answer that needs algebra; other answers cost next to nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.table import conform
from gristmill.evals.jail import capability
from gristmill.evals.models.model import Progress, silent
from gristmill.evals.oracle.grading import grade_programs
from gristmill.evals.scoring.conventions import (
    CONVENTIONS,
    ChoiceConvention,
    CodeConvention,
    Convention,
    LetterConvention,
    TextConvention,
)
from gristmill.evals.scoring.gold import GOLD_BITS, GOLD_PART, bits, gold_rows
from gristmill.evals.scoring.graders import Grade, judged
from gristmill.evals.scoring.graders.algebra import symbolic
from gristmill.evals.scoring.graders.code import grade_code
from gristmill.evals.scoring.thinking import after_thinking
from gristmill.evals.suites.items import AnswerItem, ChoiceItem, CodeItem, Item
from gristmill.evals.suites.suite import Suite
from gristmill.schemas.tables import Samples

INFRA = "infra"

LONGEST = 1 << 20
"""Characters of the longest output that is graded: eight times what a model writes in 32,768 tokens."""

Answer = tuple[Item, Sequence[Mapping[str, Any]]]
"""An item and the rows of its responses for one repeat: one row, or one for each option."""


def require_graders(suite: Suite, conventions: Sequence[str] = ()) -> None:
    """Raises when this machine cannot grade ``suite`` under ``conventions`` (by default its own).

    Called before the model is asked, so that hours of generation do not end at a missing library; the error says what
    to install. Raises ``gristmill.evals.jail.sandbox.JailUnavailableError`` for code that cannot be confined, and
    :class:`GristmillError` for algebra.
    """
    if suite.code:
        capability.require()
    found = [CONVENTIONS[name] for name in conventions or suite.settings.conventions]
    symbolic.require({one.algebra for one in found if isinstance(one, TextConvention) and one.algebra})


def grade(
    suite: Suite,
    responses: pa.Table,
    conventions: Sequence[str] = (),
    *,
    jail_workers: int = 1,
    progress: Progress = silent,
) -> pa.Table:
    """Samples of ``responses`` under ``conventions``, by default the suite's.

    Raises what :func:`require_graders` does, and :class:`GristmillError` for responses to items that the suite does
    not have.
    """
    require_graders(suite, conventions)
    answers = answers_of(suite, responses)
    settled = [_settled(suite, found) for _, found in answers]
    left = [answer for answer, found in zip(answers, settled, strict=True) if found is None]
    names = conventions or suite.settings.conventions
    run = _code_grades(suite, names, left, jail_workers, progress) if suite.code else {}
    rows: list[dict[str, Any]] = []
    for name in names:
        grades = iter(run[name] if name in run else _grades(suite, CONVENTIONS[name], left, jail_workers, progress))
        rows.extend(
            _sample(suite, name, answer, found or next(grades)) for answer, found in zip(answers, settled, strict=True)
        )
    if not conventions:
        rows.extend(_gold(suite, responses))
    return conform(Samples, pa.Table.from_pylist(rows, schema=Samples.schema))


def answers_of(suite: Suite, responses: pa.Table) -> list[Answer]:
    """The responses by item and repeat, in their order, without the likelihoods of gold answers.

    Raises :class:`GristmillError` for an unknown item.
    """
    items = {item.id: item for item in suite.items}
    rows = responses.to_pylist()
    unknown = next((row["item"] for row in rows if row["item"] not in items), None)
    if unknown is not None:
        raise GristmillError(f"suite {suite.name} has no item {unknown!r}: these responses belong to another version.")
    rows = [row for row in rows if row["part"] != GOLD_PART]
    rows.sort(key=lambda row: (row["item"], row["repeat"], row["part"]))
    grouped = groupby(rows, key=lambda row: (row["item"], row["repeat"]))
    return [(items[name], list(group)) for (name, _), group in grouped]


def _settled(suite: Suite, rows: Sequence[Mapping[str, Any]]) -> Grade | None:
    """The grade of an answer that no convention can read; None for any other."""
    if suite.settings.generation is None:
        return None
    text = rows[0]["text"]
    if len(text) > LONGEST:
        return judged(False, f"an output of {len(text):,} characters; at most {LONGEST:,} are read")
    if after_thinking(text, suite.settings.thinking_end) is None:
        return judged(False, "the output ends inside its thinking")
    return None


def _answer(suite: Suite, rows: Sequence[Mapping[str, Any]]) -> str:
    """The part of a generated output to grade, if it is not settled already."""
    return after_thinking(rows[0]["text"], suite.settings.thinking_end) or ""


def _code_grades(
    suite: Suite, names: Sequence[str], answers: Sequence[Answer], workers: int, progress: Progress
) -> dict[str, list[Grade]]:
    """Grades under each code convention among ``names``.

    Equal programs from one answer run once. That saves time, and a nondeterministic program cannot make it look as if
    the convention mattered.
    """
    made = {
        name: [convention.program(item, _answer(suite, rows)) for item, rows in answers if isinstance(item, CodeItem)]
        for name in names
        if isinstance(convention := CONVENTIONS[name], CodeConvention)
    }
    distinct = {(place, program.code): program for programs in made.values() for place, program in enumerate(programs)}
    outcomes = grade_programs(
        list(distinct.values()), workers=workers, progress=lambda done: progress("run", done, len(distinct))
    )
    found = dict(zip(distinct, outcomes, strict=True))
    return {
        name: [grade_code(program, found[place, program.code]) for place, program in enumerate(programs)]
        for name, programs in made.items()
    }


def _grades(
    suite: Suite, convention: Convention, answers: Sequence[Answer], workers: int, progress: Progress
) -> Iterable[Grade]:
    if isinstance(convention, TextConvention):
        graded = [
            convention.grade(item, _answer(suite, rows)) for item, rows in answers if isinstance(item, AnswerItem)
        ]
        return symbolic.settle(graded, workers=workers, progress=lambda done, all_: progress("compare", done, all_))
    if isinstance(convention, LetterConvention):
        return [convention.grade(item, _answer(suite, rows)) for item, rows in answers if isinstance(item, ChoiceItem)]
    if isinstance(convention, ChoiceConvention):
        return [_choice(suite, convention, item, rows) for item, rows in answers if isinstance(item, ChoiceItem)]
    raise UsageError(f"{GOLD_BITS} grades no answers. `evaluate` measures it if the suite asks for it.")


def _gold(suite: Suite, responses: pa.Table) -> Iterator[dict[str, Any]]:
    """Samples of the bits of gold answers, for a suite that asks for them or scores the texts of options."""
    texts = suite.settings.generation is None and suite.settings.options.scored == "texts"
    if suite.settings.gold is None:
        return
    for item, row in gold_rows({item.id: item for item in suite.items}, responses, texts):
        found, size = bits(row)
        yield {**_sample(suite, GOLD_BITS, (item, [row]), found), "expected": row["text"], "weight": size}


def _choice(suite: Suite, convention: ChoiceConvention, item: ChoiceItem, rows: Sequence[Mapping[str, Any]]) -> Grade:
    return convention.grade(item, suite.shown(item), [row["log_probability"] for row in rows])


def _sample(suite: Suite, convention: str, answer: Answer, found: Grade) -> dict[str, Any]:
    item, rows = answer
    return {
        "checkpoint": rows[0]["checkpoint"],
        "suite": suite.name,
        "item": item.id,
        "repeat": rows[0]["repeat"],
        "convention": convention,
        "subset": item.subset,
        "cluster": item.group,
        "expected": expected(item),
        "program": found.program,
        "verdict": found.verdict,
        "value": found.value,
        "weight": 0.0 if found.verdict == INFRA else 1.0,
        "detail": "; ".join(note for note in (found.detail, *notes(rows)) if note),
    }


def expected(item: Item) -> str:
    """The gold answer in readable form."""
    if isinstance(item, CodeItem):
        return item.solution
    return item.gold if isinstance(item, AnswerItem) else item.options[item.answer]


def notes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """How the answer ended, since truncation is often the reason for a wrong answer."""
    found = [f"the output reached the limit of {rows[0]['tokens']} tokens"] if rows[0]["finish"] == "length" else []
    lost = max(row["lost"] for row in rows)
    return [*found, f"{lost} tokens of the prompt did not fit"] if lost else found
