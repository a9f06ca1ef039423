"""Every convention for written answers gives what the upstream scorer gave on the same outputs.

The files are written by ``benchmarks/peers/graders/record.py``, which runs the upstream scorers; nothing in them comes
from Gristmill but the outputs, which are written for this purpose.
"""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from gristmill.evals.scoring.conventions import CONVENTIONS, LetterConvention, TextConvention
from gristmill.evals.scoring.graders import Grade
from gristmill.evals.scoring.graders.algebra.symbolic import settle
from gristmill.evals.suites.items import AnswerItem, ChoiceItem

FILES = sorted(Path(__file__).parent.glob("conventions_*.json"))
CASES: dict[str, list[dict[str, Any]]] = {
    path.stem.removeprefix("conventions_"): json.loads(path.read_text(encoding="utf-8")) for path in FILES
}
OTHER_GRAMMAR = "math.verify antlr-4.11"
NAMES = [(family, name) for family, cases in CASES.items() for name in cases[0]["values"] if name != OTHER_GRAMMAR]


def graded(name: str, cases: list[dict[str, Any]]) -> list[Grade]:
    convention = CONVENTIONS[name]
    if isinstance(convention, LetterConvention):
        return [convention.grade(choice(*case["answers"][0][0].split()), case["output"]) for case in cases]
    assert isinstance(convention, TextConvention)
    return settle([convention.grade(answer(case), case["output"]) for case in cases], workers=2)


def answer(case: dict[str, Any]) -> AnswerItem:
    return AnswerItem(id="a", question="q", answers=case["answers"], solution=case["solution"])


def choice(count: str, right: str) -> ChoiceItem:
    return ChoiceItem(id="a", question="q", options=[f"option {n}" for n in range(int(count))], answer=int(right))


@pytest.mark.parametrize(("family", "name"), NAMES)
def test_a_convention_agrees_with_the_scorer_it_is_named_after(family: str, name: str) -> None:
    if name == "math.verify" and importlib.util.find_spec("math_verify") is None:
        pytest.skip("needs math-verify: pip install 'gristmill[mathematics]'")
    cases = CASES[family]
    grades = graded(name, cases)
    differing = [
        (case["answers"], case["output"], case["values"][name], grade)
        for case, grade in zip(cases, grades, strict=True)
        if grade.value != pytest.approx(case["values"][name], abs=1e-9)
    ]
    assert not differing


def test_every_convention_for_written_answers_has_thirty_cases_right_and_wrong_ones_among_them() -> None:
    benchmarks = {"gsm8k", "mgsm", "cmath", "math", "squad", "squad2", "drop", "cmrc", "letter"}
    assert {name for name in CONVENTIONS if name.partition(".")[0] in benchmarks} == {name for _, name in NAMES}
    for family, name in NAMES:
        values = [case["values"][name] for case in CASES[family]]
        assert len(values) >= 30, name
        assert 0 in values, name
        assert 1 in values, name


def test_graders_agree_on_what_the_verdict_of_a_value_is() -> None:
    for family, name in NAMES:
        if not name.startswith("math."):
            for grade in graded(name, CASES[family]):
                expected = {0.0: "wrong", 1.0: "right"}.get(grade.value, "partly")
                assert grade.verdict == expected, (name, grade)


def test_the_grammar_that_lm_eval_demands_reads_percentages_otherwise() -> None:
    """math_verify with ANTLR 4.11 reads ``25\\%`` as 25 or not at all; with 4.13, which is used here, as 25/100 too."""
    differing = [
        case["output"]
        for case in CASES["mathematics"]
        if case["values"]["math.verify"] != case["values"][OTHER_GRAMMAR]
    ]
    assert differing
    assert all("%" in output for output in differing)
