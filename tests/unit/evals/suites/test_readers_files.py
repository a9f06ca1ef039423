"""Readers on small files in the forms that authors publish: what becomes of a row, what is refused."""

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.core.errors import UsageError
from gristmill.evals.suites.items import ChoiceItem
from gristmill.evals.suites.readers.boards import agieval, agieval_cloze, ceval, cmmlu, gaokao_bench, mmlu
from gristmill.evals.suites.readers.choices import boolq, c3, race
from gristmill.evals.suites.readers.code import humaneval, mbpp
from gristmill.evals.suites.readers.mathematics import cmath, gsm8k, last_boxed, math, mgsm
from gristmill.evals.suites.readers.reading import cmrc2018, drop, squad, squad_olmes, squad_olmes_shots
from gristmill.evals.suites.readers.rows import rows_of


def lines(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def document(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def table(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


# -- forms of files ---------------------------------------------------------------------------------------------


def test_the_same_rows_are_read_from_every_form(tmp_path: Path) -> None:
    rows = [{"question": "a\u2028b", "answer": "#### 1"}, {"question": "c", "answer": "#### 2"}]
    arrow = pa.Table.from_pylist(rows)
    plain = lines(tmp_path / "a.jsonl", *rows)
    packed = tmp_path / "b.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    marked = tmp_path / "c.jsonl"
    marked.write_bytes(b"\xef\xbb\xbf" + plain.read_bytes())  # as editors on Windows write it
    pq.write_table(arrow, tmp_path / "d.parquet")
    with pa.ipc.new_stream(str(tmp_path / "e.arrow"), arrow.schema) as stream:
        stream.write_table(arrow)
    document(tmp_path / "f.json", rows)
    table(tmp_path / "g.csv", [["question", "answer"], *([row["question"], row["answer"]] for row in rows)])
    for path in sorted(tmp_path.iterdir()):
        assert [row for _, row in rows_of([path])] == rows, path.name
    assert [place for place, _ in rows_of([plain])] == ["a.jsonl:1", "a.jsonl:2"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"question": 1', "a.jsonl:1: this line is not JSON"),
        ("a.jsonl", b"[1, 2]\n", "this row is not an object"),
        ("a.jsonl", b'{"question": "\xff"}', "this is not UTF-8 text"),
        ("a.jsonl.gz", b"plain", "this is not a gzip file, although its name says so"),
        ("a.json", b"{", "this file is not JSON"),
        ("a.parquet", b"PAR1", "this is not a valid parquet file"),
        ("a.arrow", b"ARROW", "this is not a valid arrow file"),
        ("a.xlsx", b"", "files of this kind are not read"),
        ("a.jsonl", b'{"question": "q"}', "a.jsonl:1: there is no 'answer'; it has question"),
        ("a.jsonl", b'{"question": "q", "answer": "18"}', "the answer has no line '#### NUMBER'"),
    ],
)
def test_what_is_no_file_of_the_benchmark_is_refused_with_its_place(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError) as refusal:
        gsm8k([tmp_path / name])
    assert message in str(refusal.value)


# -- code -------------------------------------------------------------------------------------------------------


def test_humaneval(tmp_path: Path) -> None:
    row = {"task_id": "HumanEval/7", "prompt": "def f(x):\n", "canonical_solution": "    return x\n"}
    (item,) = humaneval([lines(tmp_path / "a.jsonl", {**row, "entry_point": "f", "test": "def check(c):\n    pass\n"})])
    assert (item.id, item.entry_point, item.setup) == ("HumanEval/7", "f", "def f(x):\n    return x\n")


MBPP = {"task_id": 11, "text": "Add.", "code": "def inc(x):\r\n  return x", "test_list": ["assert set(inc(1)) == 2"]}


def test_mbpp_and_its_sanitized_part(tmp_path: Path) -> None:
    """The entry point is the function that the solution defines, not the first name that a test calls."""
    whole = lines(tmp_path / "a.jsonl", {**MBPP, "test_setup_code": "import math"})
    sanitized = {**MBPP, "prompt": MBPP["text"], "test_imports": ["import math", "import re"]}
    del sanitized["text"]
    (first,), (second,) = mbpp([whole]), mbpp([document(tmp_path / "b.json", [sanitized])])
    assert (first.id, first.question, first.entry_point) == ("11", "Add.", "inc")
    assert (first.setup, second.setup) == ("import math", "import math\nimport re")
    assert second.model_copy(update={"setup": first.setup}) == first
    live = mbpp([lines(tmp_path / "c.jsonl", {**MBPP, "task_id": 367, "test_setup_code": ""})])
    assert live[0].live
    assert not first.live


def test_mbpp_without_a_function_that_is_called_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the tests call none of the functions"):
        mbpp([lines(tmp_path / "a.jsonl", {**MBPP, "test_list": ["assert other(1)"]})])


# -- mathematics ------------------------------------------------------------------------------------------------


def test_gsm8k_keeps_the_steps_as_gold(tmp_path: Path) -> None:
    solution = "3 #### no\n2 * 50 = <<2*50=100>>100\n#### 2,125"
    (item,) = gsm8k([lines(tmp_path / "a.jsonl", {"question": "q", "answer": solution})])
    assert (item.id, item.answers, item.gold) == ("0", (("2,125",),), solution)


def test_mgsm_has_no_quotes(tmp_path: Path) -> None:
    path = tmp_path / "mgsm_en.tsv"
    path.write_text('He said "3.\t18\nTwo, one\t-4\n', encoding="utf-8")
    items = mgsm([path])
    assert [(item.id, item.question, item.answers) for item in items] == [
        ("0", 'He said "3.', (("18",),)),
        ("1", "Two, one", (("-4",),)),
    ]
    path.write_text("no number\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"mgsm_en.tsv:1: 1 cells"):
        mgsm([path])


def test_cmath(tmp_path: Path) -> None:
    (item,) = cmath([lines(tmp_path / "a.jsonl", {"grade": 3, "input": "几个？", "golden": "2/6"})])
    assert (item.subset, item.answers) == ("grade-3", (("2/6",),))


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        (r"So \boxed{1}, then \boxed{\frac{a}{b}}.", r"\frac{a}{b}"),
        (r"\boxed{1} and \fbox{2}", "2"),
        (r"thus $x = \boxed 5$, done", "5"),
        (r"\boxed{unclosed", ""),
        ("none", ""),
    ],
)
def test_the_last_box_is_the_answer(solution: str, answer: str) -> None:
    assert last_boxed(solution) == answer


def test_math_in_its_two_forms(tmp_path: Path) -> None:
    rows = (
        {"problem": "p", "solution": r"\boxed{3}", "type": "Counting & Probability", "level": "Level 5"},
        {"problem": "p", "solution": "s", "answer": "x^2", "subject": "Algebra", "unique_id": "test/algebra/1.json"},
    )
    first, second = math([lines(tmp_path / "a.jsonl", *rows)])
    assert (first.id, first.answers, first.subset) == ("0", (("3",),), "counting_&_probability")
    assert (second.id, second.answers, second.gold) == ("test/algebra/1.json", (("x^2",),), "s")
    with pytest.raises(UsageError, match="there is no answer"):
        math([lines(tmp_path / "a.jsonl", {"problem": "p", "solution": "s"})])


# -- reading ----------------------------------------------------------------------------------------------------


def test_squad_and_cmrc(tmp_path: Path) -> None:
    answers = [{"text": text, "answer_start": 0} for text in ("the sea", "sea", "the sea")]
    question = {"id": "q1", "question": "Where?", "answers": answers}
    paragraph = {"id": "P1", "context": "At the sea.", "qas": [question]}
    path = document(tmp_path / "a.json", {"version": "1", "data": [{"title": "Sea", "paragraphs": [paragraph]}]})
    (english,), (chinese,) = squad([path]), cmrc2018([path])
    assert (english.id, english.passage, english.group) == ("q1", "At the sea.", "Sea")
    assert english.answers == chinese.answers == (("the sea",), ("sea",))
    assert chinese.group == "P1"


SHOT = "Title: T\nBackground: Two\n\nparagraphs.\nQuestion: Q0?\nAnswer: a shot"
QUERY = "Title: U\nBackground: Text.\nQuestion: Q?\nAnswer:"


def test_squad_of_olmes_with_its_shots(tmp_path: Path) -> None:
    row = {
        "doc": {"id": "5f", "query": QUERY, "answers_text": ["23", "23 years", "23"]},
        "request": {"context": f"Read.\n\n{SHOT}\n\n{QUERY}"},
    }
    path = lines(tmp_path / "a.jsonl", row)
    (item,), (shot,) = squad_olmes([path]), squad_olmes_shots([path])
    assert (item.group, item.passage, item.question, item.answers) == ("U", "Text.", "Q?", (("23",), ("23 years",)))
    assert (shot.group, shot.passage, shot.answers) == ("T", "Two\n\nparagraphs.", (("a shot",),))


def test_drop_has_numbers_dates_and_spans(tmp_path: Path) -> None:
    def answer(number: str = "", spans: tuple[str, ...] = (), date: tuple[str, str, str] = ("", "", "")) -> Any:
        day, month, year = date
        return {"number": number, "spans": spans, "date": {"day": day, "month": month, "year": year}}

    def pair(name: str, first: Any, *more: Any) -> Any:
        return {"query_id": name, "question": "?", "answer": first, "validated_answers": more}

    pairs = [
        pair("a", answer("5"), answer("5"), answer("6"), answer()),
        pair("b", answer(spans=("Ann", "Bob")), answer(spans=("Ann",))),
        pair("c", answer(date=("", "May", "1945"))),
    ]
    items = drop([document(tmp_path / "a.json", {"nfl_1": {"passage": "Text.", "qa_pairs": pairs}})])
    assert [item.answers for item in items] == [(("5",), ("6",)), (("Ann", "Bob"), ("Ann",)), (("May 1945",),)]
    assert {(item.group, item.passage) for item in items} == {("nfl_1", "Text.")}


def test_boolq_groups_questions_about_one_passage(tmp_path: Path) -> None:
    rows = [{"question": f"q{n}", "passage": "AB"[n % 2], "answer": n == 1} for n in range(3)]
    items = boolq([lines(tmp_path / "a.jsonl", *rows)])
    assert [(item.options, item.answer, item.group) for item in items] == [
        (("no", "yes"), 0, "passage-0"),
        (("no", "yes"), 1, "passage-1"),
        (("no", "yes"), 0, "passage-0"),
    ]


def test_race_has_a_file_for_each_article(tmp_path: Path) -> None:
    article = {"article": "Text.", "id": "high12.txt", "answers": ["B", "A"], "questions": ["q1", "q2"]}
    items = race([document(tmp_path / "12.txt", {**article, "options": [["a", "b", "c", "d"]] * 2})])
    assert [(item.id, item.answer, item.group) for item in items] == [
        ("high12/0", 1, "high12"),
        ("high12/1", 0, "high12"),
    ]


def test_c3_has_two_to_four_options(tmp_path: Path) -> None:
    questions = [
        {"question": "q", "choice": ["x", "y"], "answer": "y"},
        {"question": "q", "choice": ["x", "y", "z"], "answer": "x"},
    ]
    dialogue = document(tmp_path / "c3-d-test.json", [[["女：a", "男：b"], questions, "1-2"]])
    mixed = document(tmp_path / "c3-m-test.json", [[["text"], questions[:1], "1-2"]])
    items = c3([dialogue, mixed])
    assert [item.id for item in items] == ["dialogue/1-2/0", "dialogue/1-2/1", "mixed/1-2/0"]
    assert [item.chance for item in items] == [1 / 2, 1 / 3, 1 / 2]
    assert items[0].passage == "女：a\n男：b"
    assert len({item.group for item in items}) == 2
    questions[0]["answer"] = "other"
    with pytest.raises(UsageError, match="answer of question 0 is not one of its options"):
        c3([document(tmp_path / "c3-d-test.json", [[["a"], questions, "1"]])])


# -- boards -----------------------------------------------------------------------------------------------------


def test_mmlu(tmp_path: Path) -> None:
    path = table(tmp_path / "high_school_biology_test.csv", [[" Which?\n", "a", "b, c", "d", "a", "C"]])
    (item,) = mmlu([path])
    assert (item.id, item.subset, item.question) == ("high_school_biology/0", "high_school_biology", "Which?")
    assert (item.options, item.answer) == (("a", "b, c", "d", "a"), 2)  # two equal options are the authors' affair
    for row, message in ((["q", "a", "b", "c", "A"], "5 cells"), (["q", "a", "b", "c", "d", "E"], "the answer is 'E'")):
        with pytest.raises(UsageError, match=message):
            mmlu([table(path, [row])])


@pytest.mark.parametrize(
    ("reader", "header", "name"),
    [
        (ceval, ["id", "question", "A", "B", "C", "D", "answer"], "law_val.csv"),
        (cmmlu, ["", "Question", "A", "B", "C", "D", "Answer"], "law.csv"),
    ],
)
def test_boards_with_a_header(
    tmp_path: Path, reader: Callable[[list[Path]], list[ChoiceItem]], header: list[str], name: str
) -> None:
    (item,) = reader([table(tmp_path / name, [header, ["4", "问", "甲", "乙", "丙", "丁", "D"]])])
    assert (item.id, item.subset, item.answer, item.options) == ("law/4", "law", 3, ("甲", "乙", "丙", "丁"))


def test_agieval_leaves_out_questions_with_several_right_options(tmp_path: Path) -> None:
    row = {"passage": None, "question": "q", "options": ["(A)x", "(B)y"], "label": "B", "answer": None}
    rows = (row, {**row, "label": ["A", "B"]}, {**row, "label": "AB"}, {**row, "passage": "p"}, {**row, "passage": "p"})
    items = agieval([lines(tmp_path / "gaokao-physics.jsonl", *rows)])
    assert [item.id for item in items] == ["gaokao-physics/0", "gaokao-physics/3", "gaokao-physics/4"]
    assert [item.group for item in items] == ["", "passage-1", "passage-1"]
    assert items[0].subset == "gaokao-physics"
    cloze = {"passage": None, "question": "q", "options": None, "label": None, "answer": "$5$"}
    (written,) = agieval_cloze([lines(tmp_path / "gaokao-mathcloze.jsonl", cloze)])
    assert (written.id, written.answers) == ("gaokao-mathcloze/0", (("$5$",),))


def test_gaokao_bench_asks_several_questions_at_once(tmp_path: Path) -> None:
    entry = {"index": 3, "question": "q", "answer": ["A", "BC"], "year": "2010"}
    (item,) = gaokao_bench([document(tmp_path / "2010-2022_Physics_MCQs.json", {"example": [entry]})])
    assert (item.id, item.answers) == ("2010-2022_Physics_MCQs/3", (("A", "BC"),))
