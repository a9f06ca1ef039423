"""Written answers: what each convention reads, where the conventions disagree, and that long outputs cost little."""

import json
import time
from pathlib import Path

import pytest

from gristmill.core.errors import GristmillError
from gristmill.core.lake import Lake
from gristmill.evals.generation.requests import requests_of
from gristmill.evals.generation.respond import respond
from gristmill.evals.generation.responses import ResponseStore
from gristmill.evals.scoring.conventions import CONVENTIONS, LetterConvention, TextConvention
from gristmill.evals.scoring.graders import Grade
from gristmill.evals.scoring.graders.algebra import symbolic
from gristmill.evals.scoring.graders.algebra.symbolic import Comparison
from gristmill.evals.scoring.graders.cmath import numbers
from gristmill.evals.scoring.graders.cmrc import longest_common_run, segments
from gristmill.evals.scoring.graders.words import sentences, words
from gristmill.evals.scoring.grading import grade, require_graders
from gristmill.evals.suites.items import AnswerItem, ChoiceItem
from gristmill.evals.suites.suite import load_suite
from gristmill.flows.evaluate.flow import run_evaluation
from gristmill.flows.evaluate.settings import EvaluateSettings
from gristmill.flows.reporter import Reporter
from tests.helpers.controls import CONTROL, Scripted, scores_of


def graded(name: str, golds: str | list[list[str]], output: str) -> Grade:
    convention = CONVENTIONS[name]
    assert isinstance(convention, TextConvention)
    answers = [[golds]] if isinstance(golds, str) else golds
    found = convention.grade(AnswerItem(id="a", question="q", answers=answers), output)
    assert isinstance(found, Grade)
    return found


@pytest.mark.parametrize(
    ("output", "right"),
    [
        ("#### 1,250", {"gsm8k.strict", "gsm8k.flexible"}),  # OpenCompass reads 250
        ("#### 1250", {"gsm8k.strict", "gsm8k.flexible", "gsm8k.opencompass"}),
        ("#### 1250\n#### 7", {"gsm8k.strict"}),  # the first, not the last
        ("It is 1250.", {"gsm8k.flexible", "gsm8k.opencompass"}),
        ("It is 1250.00", {"gsm8k.opencompass"}),  # strings are compared, OpenCompass compares values
        ("The answer is $1250.", {"gsm8k.flexible", "gsm8k.opencompass"}),
        ("The answer is 1250.", {"gsm8k.cot", "gsm8k.flexible", "gsm8k.opencompass"}),
        ("The answer is 1250", {"gsm8k.flexible", "gsm8k.opencompass"}),  # the pattern of cot takes 125 and a 0
        ("1250 Question: what is 3?", {"gsm8k.opencompass"}),
    ],
)
def test_the_conventions_of_gsm8k_disagree_where_their_authors_do(output: str, right: set[str]) -> None:
    names = ("gsm8k.strict", "gsm8k.flexible", "gsm8k.cot", "gsm8k.opencompass")
    assert {name for name in names if graded(name, "1250", output).value} == right


def test_mgsm_of_lm_eval_drops_all_punctuation() -> None:
    assert graded("mgsm.flexible", "15", "so 1.5").value == 1
    assert graded("mgsm.flexible", "5", "so -5").value == 1


def test_cmath_reads_the_last_two_numbers_within_one_percent() -> None:
    assert graded("cmath.official", "0.5", "先得到1/2，再得到3。").value == 1
    assert graded("cmath.official", "0.5", "先得到1/2，再得到3，最后是4。").value == 0
    assert graded("cmath.official", "15", "答案是15.1。").value == 1
    assert graded("cmath.official", "1500", "答案是1499。").value == 0  # whole numbers must be equal
    assert numbers("共1,500元，\\frac{1}{3}是3分之2") == ["1500", "1/3", "3", "2/3", "2"]  # a fraction and its parts


def test_an_answer_that_the_official_mean_of_cmath_leaves_out_is_wrong_and_says_so() -> None:
    for output in ("", "timeout 15", '{"error": 15}'):
        found = graded("cmath.official", "15", output)
        assert (found.verdict, found.value) == ("wrong", 0)
        assert "official mean leaves out" in found.detail


def test_partly_right_spans_have_their_own_verdict() -> None:
    found = graded("squad.f1", [["Denver Broncos"], ["the Broncos of Denver"]], "Broncos")
    assert (found.verdict, found.value) == ("partly", pytest.approx(2 / 3))
    assert found.detail == "answered 'Broncos', expected 'Denver Broncos'; F1 0.67"


def test_squad_two_scores_agreement_on_nothing_and_squad_one_does_not() -> None:
    assert graded("squad2.f1", "", "").value == 1
    assert graded("squad.f1", "", "").value == 0
    assert graded("squad2.f1", [["the"], ["The Who"]], "who").value == 1


def test_drop_divides_by_the_spans_of_the_gold_answer_and_demands_its_numbers() -> None:
    assert graded("drop.f1", [["Tom Brady", "Randy Moss"]], "Randy Moss").value == 0.5
    assert graded("drop.em", [["Tom Brady", "Randy Moss"]], "Tom Brady, Randy Moss").value == 0
    assert graded("drop.f1", [["7 points"]], "points").value == 0
    assert graded("drop.em", [["10"]], "1e1").value == 1


def test_cmrc_compares_runs_of_characters_and_words() -> None:
    assert segments("《Mr. Smith》在北京,can't") == ["mr.", "smith", "在", "北", "京", ",", "ca", "n't"]
    assert longest_common_run("xabcdy", "zabcz") == 3
    assert longest_common_run("", "a") == longest_common_run("a", "b") == 0
    assert graded("cmrc.f1", "北京大学", "北京的大学").value == pytest.approx(2 * (2 / 5) * (2 / 4) / (2 / 5 + 2 / 4))


def test_words_of_a_sentence_that_ends_lose_their_full_stop_and_abbreviations_keep_theirs() -> None:
    assert sentences("it ended. then mr. x left.") == ["it ended.", " then mr. x left."]
    assert words('he said "no." they left') == ["he", "said", "``", "no", ".", "''", "they", "left"]
    assert words("no. 5 of 3.5 cannot") == ["no", ".", "5", "of", "3.5", "can", "not"]


@pytest.mark.parametrize(
    ("output", "first", "last", "option", "patterns"),
    [
        ("B", "B", "B", "B", "B"),
        ("The answer is B", "T", "B", "B", "B"),
        ("答案是C，不是D。", "C", "D", "D", "C"),
        ("B is wrong. I choose C", "B", "C", "C", "C"),
        ("A good question", "A", "A", "A", "A"),
        ("no idea", "", "", "", ""),
    ],
)
def test_letters_are_read_in_four_ways(output: str, first: str, last: str, option: str, patterns: str) -> None:
    names = ("letter.first-capital", "letter.last-capital", "letter.last-option", "letter.opencompass")
    for name, letter in zip(names, (first, last, option, patterns), strict=True):
        convention = CONVENTIONS[name]
        assert isinstance(convention, LetterConvention)
        for right in range(4):
            item = ChoiceItem(id="a", question="q", options=("w", "x", "y", "z"), answer=right)
            assert convention.grade(item, output).value == float("ABCD"[right] == letter), (name, right)


def test_minerva_asks_algebra_only_where_strings_differ() -> None:
    convention = CONVENTIONS["math.minerva"]
    assert isinstance(convention, TextConvention)
    item = AnswerItem(id="a", question="q", answers=[["\\frac{1}{2}"]])
    said = "Final Answer: The final answer is ${}$. I hope it is correct."
    same = convention.grade(item, said.replace("{}", "\\frac12"))
    assert isinstance(same, Grade)
    assert same.value == 1
    assert convention.grade(item, said.replace("{}", "0.5")) == Comparison("minerva", "\\frac{1}{2}", "0.5")
    nothing = convention.grade(item, "it is 0.5")
    assert isinstance(nothing, Grade)
    assert "no final answer" in nothing.detail


LONG = {
    "digits": "1" * 60_000,
    "spaces": "A" + " " * 60_000 + "B",
    "brackets": "\\frac{" * 10_000,
    "equals": "=1" * 30_000,
    "stops": "a. " * 20_000,
    "quotes": "\"'.) " * 12_000,
    "answers": "The correct answer is " * 2_750,
    "final": "Final Answer: The final answer is" * 1_800,
    "dollars": "$1" * 30_000,
    "chinese": "北京1.a " * 9_000,
}


@pytest.mark.parametrize("kind", LONG)
def test_the_longest_outputs_are_graded_in_seconds(kind: str) -> None:
    """No pattern may search what a model writes quadratically: that would take minutes."""
    item = AnswerItem(id="a", question="q", answers=[["5"], ["北京大学校长1.a" * 5]])
    choice = ChoiceItem(id="a", question="q", options=("x", "y"), answer=0)
    for name, convention in CONVENTIONS.items():
        begun = time.process_time()
        if isinstance(convention, LetterConvention):
            convention.grade(choice, LONG[kind])
        elif isinstance(convention, TextConvention) and name != "last-number":
            convention.grade(item, LONG[kind])
        assert time.process_time() - begun < 2, name


def test_choices_can_be_answered_in_writing(tmp_path: Path) -> None:
    """A suite whose options are asked for by letter: the outputs are generated, stored and graded like any other."""
    rows = [
        {"id": f"i{n}", "question": f"which {n}?", "options": ["one", "two", "three"], "answer": n} for n in range(3)
    ]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "asked.yaml").write_text(
        "name: asked\narea: reading\nabout: Letters.\nlicence: CC0-1.0\n"
        "data: {reader: choice-items, files: {items: {path: items.jsonl}}}\n"
        'prompt: "Q: {question} Answer:"\ngeneration: {max_new_tokens: 4}\n'
        "conventions: [letter.opencompass, letter.first-capital]\n",
        encoding="utf-8",
    )
    suite = load_suite(str(tmp_path / "asked.yaml"))
    said = dict(zip((suite.prompt(item) for item in suite.items), (" A", " the answer is B", " C) or B)"), strict=True))
    headline, other = scores_of(Scripted(said, lambda prompt, text: False), suite, tmp_path / "store")
    assert (headline["convention"], headline["value"], headline["chance"]) == (
        "letter.opencompass",
        1,
        pytest.approx(1 / 3),
    )
    assert other["value"] == 1


def test_answers_that_need_algebra_become_samples_like_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": "a", "question": "half?", "answer": "1/2"}, {"id": "b", "question": "two?", "answer": "2"}]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "algebra.yaml").write_text(
        "name: algebra\narea: mathematics\nabout: Formulas.\nlicence: CC0-1.0\n"
        "data: {reader: answer-items, files: {items: {path: items.jsonl}}}\n"
        'prompt: "Q: {question} A:"\ngeneration: {max_new_tokens: 16}\n'
        "conventions: [math.minerva, math.hendrycks]\n",
        encoding="utf-8",
    )
    suite = load_suite(str(tmp_path / "algebra.yaml"))
    said = "Final Answer: The final answer is $\\boxed{0.5}$. I hope it is correct."
    model = Scripted({suite.prompt(item): said for item in suite.items}, lambda prompt, text: False)
    with ResponseStore(tmp_path / "store", CONTROL, "scripted") as store:
        samples = grade(suite, respond(model, CONTROL, suite.name, requests_of(suite), store)).to_pylist()
    found = {(row["convention"], row["item"]): row["verdict"] for row in samples}
    assert found == {
        ("math.minerva", "a"): "right",
        ("math.minerva", "b"): "wrong",
        ("math.hendrycks", "a"): "right",
        ("math.hendrycks", "b"): "wrong",
    }
    # Where the libraries are missing, an evaluation ends before it starts: there is nothing to ask here, and it raises.
    monkeypatch.setitem(symbolic.NEEDED, "minerva", ("a_library_that_nobody_has",))
    settings = EvaluateSettings(suites=(str(tmp_path / "algebra.yaml"),))
    with pytest.raises(GristmillError, match=r"needs a_library_that_nobody_has.*'gristmill\[mathematics\]'"):
        run_evaluation([], settings, "nobody", (), Lake.open(tmp_path / "lake"), Reporter())
    require_graders(suite, ["math.hendrycks"])
