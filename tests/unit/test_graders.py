"""Graders: what counts as the answer, what counts as equal, and what the machine's failures count as."""

import time

import pytest

from evals.graders.choice import choose, grade_choice
from evals.graders.code import grade_code, program
from evals.graders.mathematics import grade_mathematics
from evals.model import LogLikelihood, cut
from evals.oracle.verdicts import Outcome, Verdict
from evals.suite import CodeItem, MathematicsItem, ReadingItem

STOP = ("\n", "Question:")


@pytest.mark.parametrize(
    ("answer", "output"),
    [
        ("5", " 5"),
        ("5", "5."),
        ("5", " The answer is 5.\nQuestion: 6"),
        ("5", "5 apples Question: What is 7?"),
        ("5", "2 + 3 = 5"),
        ("5", "5.000"),
        ("5", "10/2"),
        ("5", "$5"),
        ("5", "10-5"),  # a subtraction sign is no minus sign: the last number is 5
        ("-7", "-7"),
        ("-7", "= \u22127"),
        ("-7", "-$7"),
        ("1000", "1,000"),
        ("1,000", "1000"),
        ("1234567.5", "1,234,567.5"),
        ("3/4", "0.75"),
        ("0.75", "3/4"),
        ("0.75", ".75"),
        ("7/2", "3 1/2"),
        ("-7/2", "-3 1/2"),
        ("5/6", "5/6."),
        ("5/6", "10/12"),
        ("40%", "40%"),
        ("40%", "40"),
        ("40%", "0.4"),
        ("40", "40 %"),
        ("0.4", "40%"),
        ("1500", "1.5e3"),
        ("0.1", "0.10"),
    ],
)
def test_equal_numbers_are_right(answer: str, output: str) -> None:
    grade = grade_mathematics(MathematicsItem(id="a", question="q", answer=answer), output, STOP)
    assert (grade.verdict, grade.value) == ("right", 1.0), grade.detail


@pytest.mark.parametrize(
    ("answer", "output"),
    [
        ("5", ""),
        ("5", "five"),
        ("5", "\n5"),
        ("5", "5 or 6"),
        ("5", "-5"),
        ("5", "5.0001"),
        ("5", "55"),
        ("1000", "1,00"),
        ("1/3", "0.33"),
        ("40%", "4"),
        ("0.4", "40"),
        ("5", "5/0"),
        ("5", "1e999999999"),
        ("5", "5" * 5000),
        ("2", "__import__('os').getpid() * 0 + x"),
    ],
)
def test_other_outputs_are_wrong(answer: str, output: str) -> None:
    grade = grade_mathematics(MathematicsItem(id="a", question="q", answer=answer), output, STOP)
    assert (grade.verdict, grade.value) == ("wrong", 0.0), grade.detail


def test_a_tolerance_is_absolute_and_includes_its_end() -> None:
    item = MathematicsItem(id="a", question="q", answer="0.33", tolerance="0.005")
    for output, value in (("1/3", 1), ("0.335", 1), ("0.325", 1), ("0.336", 0), ("0.3", 0)):
        assert grade_mathematics(item, output, STOP).value == value, output


@pytest.mark.parametrize("text", ["1" * 200_000, "1 " * 100_000, "1,000" * 40_000, "-" * 200_000, "1/" * 100_000])
def test_long_outputs_are_read_in_linear_time(text: str) -> None:
    begun = time.process_time()
    grade_mathematics(MathematicsItem(id="a", question="q", answer="5"), text, STOP)
    assert time.process_time() - begun < 2


def scored(*nats: float) -> list[LogLikelihood]:
    return [LogLikelihood(log_probability=entry, tokens=1, bytes=1, greedy=False) for entry in nats]


def test_the_choice_is_normalised_by_utf8_bytes() -> None:
    item = ReadingItem(id="a", passage="p", question="q", options=("ab", "abcdefgh", "猫"), answer=1)
    output, grade = grade_choice(item, scored(-4.0, -8.0, -4.5))
    assert (output, grade.verdict, grade.value) == ("abcdefgh", "right", 1.0)
    # In sum the short one would have won, and with characters instead of bytes it would be so for the cat, too.
    assert grade.detail.startswith("chosen 1 per byte, 0 in sum; right 1; nats/bytes -4.0000/2, -8.0000/8, -4.5000/3")
    output, grade = grade_choice(item, scored(-4.0, -80.0, -4.5))
    assert (output, grade.verdict, grade.value) == ("猫", "wrong", 0.0)


def test_a_tie_goes_to_the_first_option() -> None:
    assert choose([-2.0, -2.0, -2.0], [1, 1, 1]) == 0


def test_a_choice_needs_a_likelihood_for_every_option() -> None:
    item = ReadingItem(id="a", passage="p", question="q", options=("a", "b"), answer=1)
    with pytest.raises(ValueError, match="1 likelihoods for 2 options"):
        grade_choice(item, scored(-1.0))


CODE = CodeItem(
    id="a",
    prompt='def f(x):\n    """Double."""\n',
    entry_point="f",
    solution="    return 2 * x\n",
    check="def check(candidate):\n    assert candidate(2) == 4\n",
)


def test_a_program_is_prompt_and_completion_up_to_the_first_stop() -> None:
    made = program(CODE, "    return x + x\n\ndef g():\n    pass\nclass A: ...", ("\nclass ", "\ndef "))
    assert made.code == 'def f(x):\n    """Double."""\n    return x + x\n\n'
    assert (made.tests, made.entry_point, made.live) == (CODE.check, "f", False)


def test_the_indentation_of_a_completion_is_kept() -> None:
    for output in ("    return 4", "\n    return 4"):  # with and without the line feed that ends the prompt
        assert program(CODE, output, ()).code.endswith('"""\n    return 4\n')
    assert program(CODE, "\n\n    return 4", ()).code.endswith('"""\n\n    return 4\n')


@pytest.mark.parametrize("verdict", list(Verdict))
def test_only_pass_counts_and_the_verdict_is_kept(verdict: Verdict) -> None:
    grade = grade_code(Outcome(verdict=verdict, detail="why", seconds=0.1))
    assert (grade.verdict, grade.value, grade.detail) == (verdict.value, float(verdict is Verdict.PASS), "why")


def test_text_is_cut_before_the_earliest_stop() -> None:
    assert cut("a stop b end", ("end", "stop")) == ("a ", True)
    assert cut("nothing", ("end",)) == ("nothing", False)
    assert cut("anything", ()) == ("anything", False)
