"""Graders: what counts as the answer, what counts as equal, and what the machine's failures count as."""

import time
from typing import Any

import pytest

from gristmill.evals.generation.settings import cut
from gristmill.evals.oracle.verdicts import Outcome, Verdict
from gristmill.evals.scoring.graders import Grade
from gristmill.evals.scoring.graders.choice import by_bytes, by_characters, by_sum, choose
from gristmill.evals.scoring.graders.code import completion, grade_code
from gristmill.evals.scoring.graders.mathematics import by_last_number
from gristmill.evals.suites.items import AnswerItem, ChoiceItem, CodeItem

STOP = ("\n", "Question:")


def number(answer: str, output: str, tolerance: str = "0") -> Grade:
    item = AnswerItem(id="a", question="q", answers=((answer,),), tolerance=tolerance)
    return by_last_number(item, cut(output, STOP)[0])


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
        # digits and marks of other scripts
        ("42", "答案是４２。"),
        ("42", "الجواب ٤٢"),
        ("42", "उत्तर ४२"),
        ("3.5", "３．５"),
        ("1000", "1，000"),
        ("1000", "１，０００元"),
        ("50%", "50％"),
        ("0.5", "50％"),
        ("50", "５０％"),
        ("3/4", "3／4"),
        ("-5", "\u20135"),
        ("-5", "= \uff0d5"),
        ("5", "3\u20135"),  # an en dash between numbers is a range
        # thousands
        ("100000", "Rs 1,00,000"),
        ("1234567", "12,34,567"),
        ("1000", "1_000"),
        ("1000000", "1_000_000"),
        ("1000", "1\u202f000"),
        ("1000", "$1{,}000$"),
        ("1000", "1\\,000"),
        ("1000000", "1 000 000"),
        ("150", "room 3 150"),  # one space parts words
        # LaTeX
        ("1/2", r"\frac{1}{2}"),
        ("0.5", r"so it is $\dfrac{1}{2}$."),
        ("1/2", r"\tfrac12"),
        ("-1/2", r"=-\frac{1}{2}"),
        ("-1/2", r"\frac{-1}{2}"),
        ("5/2", r"2\frac{1}{2}"),
        ("0.28", r"28\%"),
        ("5", r"\$5"),
        ("1200", r"1.2 \times 10^3"),
        ("1200", "1.2 × 10^{3}"),
        ("0.0012", r"1.2 \cdot 10^{-3}"),
        ("1000", "10^3"),
        ("0.001", "10^{-3}"),
        ("1024", "2^{10}"),
        ("8", "2³ = 8"),
        ("5", "5 cm^2"),
        ("5", "5 m²"),
        ("90", r"90^\circ"),
        ("5", "5 kg m^{-2}"),
        # Chinese units: either the number or what stands before its unit
        ("30000", "3万"),
        ("3", "3万元"),
        ("150000000", "1.5亿"),
        ("35000", "3万5千"),
        ("35000", "3万5000"),
        ("12345", "1万2345元"),
        ("2", "2千米"),
        ("3", "3千克"),
        ("300", "3百"),
        ("1/3", "3分之1"),
        ("3", "v1.2.3"),
        # in Chinese characters, where there are no digits
        ("12", "答案是十二。"),
        ("5", "答案是五。"),
        ("10", "十个，= 十"),
        ("20", "一共有二十个，一样多"),
        ("205", "二百零五"),
        ("35000", "三万五千元"),
        ("120000000", "一亿二千万"),
        ("2026", "二〇二六年"),
        ("1.5", "一点五米"),
        ("1/3", "三分之一"),
        ("50%", "百分之五十"),
        ("-2", "是负二"),
        ("14", "一共十五个？不，是14个。"),
        ("0.1", "0.10"),
    ],
)
def test_equal_numbers_are_right(answer: str, output: str) -> None:
    grade = number(answer, output)
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
        ("5", "0分之5"),
        ("1", "万一不对"),
        ("1", "一样"),
        ("3", "零分之三"),
        ("100", "百百"),
        ("1", "0^0"),
        ("35", "3万5"),
        ("2000", "2千米"),
        ("3000", "room 3 000 or 5"),
        ("12", "1，2"),
        ("12", "1_2"),
        ("3", "2³"),
        ("2", "5 cm^2"),
        ("1/2", r"\frac{2}{1}"),
        ("5", r"\frac{5}{0}"),
        ("5", "1e999999999"),
        ("5", "5" * 5000),
        ("2", "__import__('os').getpid() * 0 + x"),
    ],
)
def test_other_outputs_are_wrong(answer: str, output: str) -> None:
    grade = number(answer, output)
    assert (grade.verdict, grade.value) == ("wrong", 0.0), grade.detail


def test_a_tolerance_is_absolute_and_includes_its_end() -> None:
    for output, value in (("1/3", 1), ("0.335", 1), ("0.325", 1), ("0.336", 0), ("0.3", 0)):
        assert number("0.33", output, "0.005").value == value, output


@pytest.mark.parametrize("text", ["1" * 200_000, "1 " * 100_000, "1,000" * 40_000, "-" * 200_000, "1/" * 100_000])
def test_long_outputs_are_read_in_linear_time(text: str) -> None:
    begun = time.process_time()
    number("5", text)
    assert time.process_time() - begun < 2


CHOICE = ChoiceItem(id="a", passage="p", question="q", options=("ab", "abcdefgh", "猫猫"), answer=1)


@pytest.mark.parametrize(
    ("grade", "nats", "chosen"),
    [
        (by_sum, (-4.0, -8.0, -4.5), "ab"),
        (by_characters, (-4.0, -8.0, -4.5), "abcdefgh"),  # -2, -1, -2.25 each
        (by_characters, (-4.0, -80.0, -3.9), "猫猫"),  # -2, -10, -1.95
        (by_bytes, (-4.0, -8.0, -4.5), "猫猫"),  # -2, -1, -0.75
        (by_bytes, (-1.0, -80.0, -9.0), "ab"),
    ],
)
def test_the_choice_is_by_sum_characters_or_bytes(grade: Any, nats: tuple[float, ...], chosen: str) -> None:
    found = grade(CHOICE, CHOICE.options, nats)
    assert found.detail == f"chose {chosen!r}, right is 'abcdefgh'"
    assert (found.verdict, found.value) == (("right", 1.0) if chosen == "abcdefgh" else ("wrong", 0.0))


def test_letters_that_stand_for_options_have_one_length() -> None:
    """Then the three ways to count agree."""
    letters, nats = ("A", "B", "C"), (-3.0, -2.0, -2.5)
    assert {grade(CHOICE, letters, nats).detail for grade in (by_sum, by_characters, by_bytes)} == {
        "chose 'B', right is 'B'"
    }


def test_a_tie_goes_to_the_first_option() -> None:
    assert choose([-2.0, -2.0, -2.0], [1, 1, 1]) == 0


def test_a_choice_needs_a_likelihood_for_every_option() -> None:
    with pytest.raises(ValueError, match="1 likelihoods for 3 options"):
        by_sum(CHOICE, CHOICE.options, (-1.0,))


CODE = CodeItem(
    id="a",
    prompt='def f(x):\n    """Double."""\n',
    entry_point="f",
    solution="    return 2 * x\n",
    check="def check(candidate):\n    assert candidate(2) == 4\n",
)


def test_a_program_is_prompt_and_completion() -> None:
    made = completion(CODE, "    return x + x\n")
    assert made.code == 'def f(x):\n    """Double."""\n    return x + x\n\n'
    assert (made.tests, made.entry_point, made.live) == (CODE.check, "f", False)


def test_the_indentation_of_a_completion_is_kept() -> None:
    for output in ("    return 4", "\n    return 4"):  # with and without the line feed that ends the prompt
        assert completion(CODE, output).code.endswith('"""\n    return 4\n')
    assert completion(CODE, "\n\n    return 4").code.endswith('"""\n\n    return 4\n')


@pytest.mark.parametrize("verdict", list(Verdict))
def test_only_pass_counts_and_the_verdict_is_kept(verdict: Verdict) -> None:
    made = completion(CODE, "    return 4")
    grade = grade_code(made, Outcome(verdict=verdict, detail="why", seconds=0.1))
    assert (grade.verdict, grade.value, grade.detail) == (verdict.value, float(verdict is Verdict.PASS), "why")
    assert grade.program == made.code


def test_text_is_cut_before_the_earliest_stop() -> None:
    assert cut("a stop b end", ("end", "stop")) == ("a ", True)
    assert cut("nothing", ("end",)) == ("nothing", False)
    assert cut("anything", ()) == ("anything", False)


HOSTILE = (
    *(
        "1 ",
        "1,00,",
        "1,00",
        "000 ",
        "1 000 ",
        "1万",
        "1分之",
        "1_",
        "^",
        "9",
        "９",
        "٣",
        "1.",
        "1/",
        "-",
        "1^",
        "1*10^",
    ),
    *(r"\frac{1}", r"\frac{1}{2}", r"\frac", "{,}", r"1\,000", "1e9", "%", "\ud800", "\0"),
)


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_output_is_too_much_for_the_last_number(piece: str) -> None:
    """Every pattern is bounded: one that is quadratic would take minutes here."""
    assert number("5", piece * 150_000).value == 0
    assert number("5", piece * 150_000 + " = 5").value == 1
