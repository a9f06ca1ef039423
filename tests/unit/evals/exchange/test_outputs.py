"""Files of outputs that were made elsewhere: the three forms, names of items, and what is refused with which words."""

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.evals.exchange.outputs import read_outputs
from gristmill.evals.scoring.regrading import fitting, flips, refuse_other_prompts
from gristmill.evals.suites.suite import Suite, load_suite
from gristmill.schemas.tables import Responses

SUITE = """
name: mbpp-small
area: code
about: Three tasks.
data: {reader: code-items, files: {items: items.jsonl}}
prompt: "{question}\\n"
generation: {max_new_tokens: 16}
conventions: [mbpp.lm-eval]
licence: CC0-1.0
"""


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    items = [
        {"id": f"{number}", "question": f"Task {number}", "entry_point": "f", "solution": "def f(): return 1\n"}
        | {"check": "assert f() == 1"}
        for number in (11, 12, 13)
    ]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    (tmp_path / "suite.yaml").write_text(SUITE, encoding="utf-8")
    return load_suite(str(tmp_path / "suite.yaml"))


def write(folder: Path, lines: Sequence[Any], name: str = "outputs.jsonl") -> Path:
    path = folder / name
    text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def completions(**texts: str) -> list[dict[str, str]]:
    return [{"task_id": name.strip("_"), "completion": text} for name, text in texts.items()]


def texts_of(suite: Suite, path: Path, partial: bool = False) -> list[tuple[str, int, str]]:
    rows = read_outputs(path, suite, partial=partial).responses.to_pylist()
    return [(row["item"], row["repeat"], row["text"]) for row in rows]


@pytest.mark.parametrize("name", ["outputs.jsonl", "outputs.jsonl.gz"])
def test_lines_of_one_task_are_its_samples_in_order(suite: Suite, tmp_path: Path, name: str) -> None:
    lines = completions(_12="b", _11="a", _13="c") + completions(_11="d")

    outputs = read_outputs(write(tmp_path, lines, name), suite)

    assert texts_of(suite, tmp_path / name) == [("11", 0, "a"), ("11", 1, "d"), ("12", 0, "b"), ("13", 0, "c")]
    assert outputs.responses.schema.equals(Responses.schema)
    assert (outputs.missing, outputs.whole) == ((), False)
    refuse_other_prompts(suite, outputs.responses)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda packed: packed[:-9], "is cut off: .*Copy or download it again"),
        (lambda packed: packed[:-8] + bytes(8), "is damaged: .*Copy or download it again"),
        (lambda packed: packed[:20] + bytes(20) + packed[40:], "is damaged: .*pack it again from the original"),
        (lambda packed: packed[:30], "is cut off"),
        (
            lambda packed: gzip.decompress(packed),
            "is not a gzip file, although its name says so. Take .gz off the name",
        ),
        (lambda packed: b"", "there is no output"),
        (lambda packed: gzip.compress("四".encode("gb18030")), "is not UTF-8 text: .*iconv"),
    ],
    ids=["cut", "checksum", "bits", "early", "plain", "empty", "encoding"],
)
def test_a_damaged_packed_file_says_what_to_do(
    suite: Suite, tmp_path: Path, damage: Callable[[bytes], bytes], words: str
) -> None:
    path = write(tmp_path, completions(_11="a" * 99, _12="b", _13="c"), "outputs.jsonl.gz")
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(UsageError, match=words):
        read_outputs(path, suite)


def test_a_packed_file_is_called_so(suite: Suite, tmp_path: Path) -> None:
    path = write(tmp_path, completions(_11="a", _12="b", _13="c"), "outputs.jsonl.gz").rename(tmp_path / "o.jsonl")

    with pytest.raises(UsageError, match=r"packed with gzip. Rename it to o\.jsonl\.gz"):
        read_outputs(path, suite)


@pytest.mark.parametrize("name", ["Mbpp/{}", "mbpp/{}", "{}", "MBPP/{}"])
def test_an_item_is_found_by_its_number(suite: Suite, tmp_path: Path, name: str) -> None:
    lines = [{"task_id": name.format(number), "solution": "x"} for number in (11, 12, 13)]

    outputs = read_outputs(write(tmp_path, lines), suite)

    assert outputs.whole
    assert outputs.responses.column("item").to_pylist() == ["11", "12", "13"]


def test_a_number_is_a_name_too(suite: Suite, tmp_path: Path) -> None:
    assert len(texts_of(suite, write(tmp_path, [{"task_id": n, "completion": ""} for n in (11, 12, 13)]))) == 3


def test_samples_of_lm_eval_are_read_once_for_all_filters(suite: Suite, tmp_path: Path) -> None:
    lines = [
        {"doc_id": n, "doc": {"task_id": 11 + n}, "resps": [["a", "b"]], "filtered_resps": ["?"], "filter": name}
        for name in ("strict", "flexible")
        for n in range(3)
    ]
    by_text = [{**line, "doc": {"text": f"Task  {11 + line['doc_id']}\n", "code": "?"}} for line in lines]

    for found in (lines, by_text):
        read = texts_of(suite, write(tmp_path, found))
        assert read == [(item, repeat, text) for item in ("11", "12", "13") for repeat, text in enumerate("ab")]


READING = """
name: stories
area: reading
about: Questions that repeat.
data: {reader: answer-items, files: {items: items.jsonl}}
prompt: "{passage}\\n{question}"
generation: {max_new_tokens: 16}
conventions: [squad.em]
licence: CC0-1.0
"""
ASKED = [("A cat.", "Who is it?"), ("A dog.", "Who is it?"), ("A dog.", "What does it do?"), ("A dog.", "Who is it?")]


@pytest.fixture
def stories(tmp_path: Path) -> Suite:
    items = [
        {"id": f"s-{at}", "passage": passage, "question": question, "answers": [["x"]]}
        for at, (passage, question) in enumerate(ASKED)
    ]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    (tmp_path / "stories.yaml").write_text(READING, encoding="utf-8")
    return load_suite(str(tmp_path / "stories.yaml"))


def logged(at: int, doc_id: int, **more: object) -> dict[str, object]:
    passage, question = ASKED[at]
    doc = {"context": passage, "nested": {"question": question}, **more}
    return {"doc_id": doc_id, "doc": doc, "resps": [[f"to {at}"]], "filter": "none"}


def test_documents_that_were_filtered_and_reordered_are_found_by_what_they_hold(stories: Suite, tmp_path: Path) -> None:
    path = write(tmp_path, [logged(2, 0), logged(0, 1)])
    assert texts_of(stories, path, partial=True) == [("s-0", 0, "to 0"), ("s-2", 0, "to 2")]
    whole = write(tmp_path, [logged(at, at) for at in (3, 2, 1, 0)])
    assert texts_of(stories, whole) == [(f"s-{at}", 0, f"to {at}") for at in range(4)]
    by_id = write(tmp_path, [logged(1, 7, id="s-3"), logged(1, 8, id="s-1")])
    assert [item for item, _, _ in texts_of(stories, by_id, partial=True)] == ["s-1", "s-3"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (logged(1, 0), "could be s-1, s-3"),  # doc_id 0 is another document
        (logged(0, 0, context="A bird."), "is not in suite stories"),
        (logged(2, 2, nested={"question": "Why?"}), "is not in suite stories"),
    ],
)
def test_a_document_that_does_not_agree_is_refused(
    stories: Suite, tmp_path: Path, line: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        read_outputs(write(tmp_path, [line]), stories, partial=True)


def test_a_number_is_believed_where_the_document_agrees(stories: Suite, tmp_path: Path) -> None:
    """A task may make a prompt of the question and leave the question out."""
    line = logged(2, 2, nested={"query": "Q: What does it do? A:"})
    assert texts_of(stories, write(tmp_path, [line]), partial=True) == [("s-2", 0, "to 2")]


def test_half_a_character_is_replaced(suite: Suite, tmp_path: Path) -> None:
    path = write(tmp_path, ['{"task_id": "11", "completion": "a\\ud800b\\u0000😀"}\n'])

    assert texts_of(suite, path, partial=True) == [("11", 0, "a�b\0😀")]


def test_what_is_missing_is_named_and_refused_unless_it_is_partial(suite: Suite, tmp_path: Path) -> None:
    path = write(tmp_path, completions(_12="x"))

    with pytest.raises(UsageError, match=r"2 of the 3 items of mbpp-small have no output: 11, 13\. .*--partial"):
        read_outputs(path, suite)
    assert read_outputs(path, suite, partial=True).missing == ("11", "13")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([{"task_id": "14", "completion": ""}], r"no item '14': its ids are like '11'.*right suite"),
        ([{"task_id": "HumanEval/11", "completion": ""}], "no item 'HumanEval/11'"),
        ([{"task_id": "11"}], r"outputs.jsonl:1: a line needs 'task_id' and 'completion'.*this one has task_id"),
        ([{"task_id": "11", "completion": 5}], "completion must be text, not int"),
        (["[1]\n"], "not an object"),
        (["{broken\n"], "not JSON"),
        ([], "there is no output"),
        ([{"doc_id": 1, "doc": {}, "resps": [["x"]]}], "does not say which item"),
        ([{"doc_id": 1, "doc": {"text": "Task 99"}, "resps": [["x"]]}], "is not in suite mbpp-small: .*Task 99"),
        (
            [{"doc_id": 0, "doc": {"task_id": 11, "text": "Task 12"}, "resps": [["x"]]}],
            "the id of this document is that of 11, but it has the question of 12",
        ),
        (
            [{"doc_id": 0, "doc": {"task_id": 11, "text": "Task 99"}, "resps": [["x"]]}],
            "the id of this document is that of 11, but it has another text",
        ),
        (
            [{"doc_id": 0, "doc": {"task_id": 11}, "resps": [[["-1.5", "True"]], [["-2.5", "False"]]]}],
            "log-likelihoods of options and no written answers.*import-results",
        ),
        ([*completions(_11=""), {"task_id": "12", "solution": ""}], "some lines have a completion and some a solution"),
    ],
)
def test_another_form_is_refused(suite: Suite, tmp_path: Path, lines: list[Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_outputs(write(tmp_path, lines), suite)


def test_a_file_that_is_not_there_is_named(suite: Suite, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no file .*nowhere\.jsonl"):
        read_outputs(tmp_path / "nowhere.jsonl", suite)


def test_a_suite_without_outputs_has_nothing_to_grade(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="likelihood of options"):
        read_outputs(write(tmp_path, completions(_11="")), load_suite("gristmill-reading"))


def test_the_conventions_that_fit(suite: Suite) -> None:
    assert fitting(suite) == [
        "mbpp.lm-eval",
        "completion",
        "code.program",
        "code.first-block",
        "mbpp.lm-eval-instruct",
        "mbpp.bigcode",
        "mbpp.opencompass",
    ]
    assert "last-number" in fitting(load_suite("gristmill-mathematics"))
    assert not {"completion", "humaneval.official"} & set(fitting(load_suite("gristmill-mathematics")))
    assert {"choice-sum", "choice-characters", "choice-bytes"} <= set(fitting(load_suite("gristmill-reading")))


def test_an_answer_flips_where_its_value_does(suite: Suite, tmp_path: Path) -> None:
    def sample(item: str, convention: str, verdict: str, value: float, weight: float = 1.0) -> dict[str, Any]:
        row = {"item": item, "repeat": 0, "convention": convention, "verdict": verdict}
        return row | {"value": value, "weight": weight}

    rows = [
        sample("11", "a", "pass", 1.0),
        sample("11", "b", "wrong", 0.0),
        sample("12", "a", "timeout", 0.0),
        sample("12", "b", "wrong", 0.0),
        sample("13", "a", "infra", 0.0, weight=0.0),
        sample("13", "b", "pass", 1.0),
    ]

    assert flips(pa.Table.from_pylist(rows), ["b", "a"]) == [
        {"item": "11", "repeat": 0, "verdicts": {"b": "wrong", "a": "pass"}}
    ]


def test_stored_answers_to_other_prompts_are_refused(suite: Suite, tmp_path: Path) -> None:
    responses = read_outputs(write(tmp_path, completions(_11="", _12="", _13="")), suite).responses
    changed = suite.model_copy(update={"settings": suite.settings.model_copy(update={"prompt": "Do: {question}\n"})})

    with pytest.raises(GristmillError, match="answer to 11 belongs to another prompt"):
        refuse_other_prompts(changed, responses)
