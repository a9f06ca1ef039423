"""Suites are data that is checked when it is loaded; the ones that come with Gristmill measure what they say."""

import json
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gristmill.core.errors import UsageError
from gristmill.evals.generation.settings import cut
from gristmill.evals.scoring.graders.mathematics import by_last_number, last_number
from gristmill.evals.suites.items import AnswerItem, ChoiceItem, CodeItem
from gristmill.evals.suites.settings import own_suites
from gristmill.evals.suites.suite import load_suite

AREAS = {"gristmill-code": "code", "gristmill-mathematics": "mathematics", "gristmill-reading": "reading"}
STUBS = (
    "    pass\n",
    "    return 0\n",
    "    return 1\n",
    "    return True\n",
    "    return False\n",
    "    return ''\n",
    "    return []\n",
    "    return {}\n",
)
WRONG_ENOUGH = 0.45
"""No rule that ignores the question may choose more than this share of right options (chance is 0.25)."""


CODE, MATHEMATICS, READING = (load_suite(name) for name in AREAS)
PROGRAMS = [item for item in CODE.items if isinstance(item, CodeItem)]
SUMS = [item for item in MATHEMATICS.items if isinstance(item, AnswerItem)]
CHOICES = [item for item in READING.items if isinstance(item, ChoiceItem)]


# -- the three suites -------------------------------------------------------------------------------------------


def test_the_suites_whose_items_are_ours_are_found() -> None:
    assert own_suites() == sorted(AREAS)


@pytest.mark.parametrize("name", AREAS)
def test_every_suite_has_enough_distinct_items(name: str) -> None:
    suite = load_suite(name)
    assert suite.settings.area == AREAS[name]
    assert len(suite.items) >= 48
    assert len({item.id for item in suite.items}) == len(suite.items)
    prompts = [suite.prompt(item) for item in suite.items]
    assert len(set(prompts)) == len(prompts)
    assert not any(prompt[-1].isspace() for prompt in prompts)  # a cut that a tokenizer would not make
    assert max(map(len, prompts)) < 500  # fits the context of a tiny model beside the answer


def run(item: CodeItem, body: str) -> bool:
    """Whether ``body`` passes. In this process: bodies and checks here are the project's own text."""
    names: dict[str, Any] = {}
    exec(item.prompt + body, names)  # noqa: S102
    exec(item.check, names)  # noqa: S102
    try:
        names["check"](names[item.entry_point])
    except Exception:
        return False
    return True


def test_gold_solutions_pass() -> None:
    assert [item.id for item in PROGRAMS if not run(item, item.solution)] == []


def test_solutions_that_ignore_the_question_fail() -> None:
    for item in PROGRAMS:
        arguments = item.prompt.partition("(")[2].partition(")")[0].split(", ")
        echoes = [f"    return {name}\n" for name in arguments if name]
        assert [stub for stub in (*STUBS, *echoes) if run(item, stub)] == [], item.id


def test_a_gold_solution_is_not_cut_by_the_stop_strings() -> None:
    assert CODE.settings.generation is not None
    for item in PROGRAMS:
        assert not any(stop in "\n" + item.solution for stop in CODE.settings.generation.stop), item.id


def test_gold_answers_are_right() -> None:
    assert MATHEMATICS.settings.generation is not None
    for item in SUMS:
        output = f" {item.gold}\n"
        assert by_last_number(item, cut(output, MATHEMATICS.settings.generation.stop)[0]).value == 1


def test_answers_cannot_be_copied_from_the_examples() -> None:
    answers = Counter(item.gold for item in SUMS)
    assert not answers.keys() & {"5", "6", "9"}
    assert max(answers.values()) <= 2  # no constant answer scores more than 4 %
    for item in SUMS:
        own = last_number(item.question)
        assert own is None or own[0] != Fraction(item.gold.removesuffix("%")), f"{item.id}: echoing is right"


def test_options_are_distinct_and_positions_balanced() -> None:
    places = Counter(item.answer for item in CHOICES)
    assert {len(item.options) for item in CHOICES} == {4}
    assert places == dict.fromkeys(range(4), len(CHOICES) // 4)
    assert all(len({option.casefold() for option in item.options}) == 4 for item in CHOICES)


def mentions(item: ChoiceItem) -> list[int]:
    """Where the passage last mentions each option's own words; -1 when it does not."""
    small = ("the ", "a ", "at ", "in ", "on ", "by ", "it ", "is ", "they ", "are ", "to ", "with ")
    places = []
    for option in item.options:
        core = option.lower()
        while core.startswith(small):
            core = core.partition(" ")[2]
        places.append(item.passage.lower().rfind(core))
    return places


@pytest.mark.parametrize(
    "key",
    [
        lambda item: [len(option) for option in item.options],
        lambda item: [-len(option) for option in item.options],
        mentions,
        lambda item: [-place if place >= 0 else -1000 for place in mentions(item)],
    ],
    ids=["longest", "shortest", "mentioned last", "mentioned first"],
)
def test_no_shallow_rule_finds_the_option(key: Callable[[ChoiceItem], list[int]]) -> None:
    hits = sum(key(item).index(max(key(item))) == item.answer for item in CHOICES)
    assert hits / len(CHOICES) <= WRONG_ENOUGH


# -- loading ----------------------------------------------------------------------------------------------------

SETTINGS: dict[str, Any] = {
    "name": "small",
    "area": "mathematics",
    "about": "Two sums.",
    "data": {"reader": "answer-items", "files": {"items": "items.jsonl"}},
    "prompt": "Q: {question}\nA:",
    "generation": {"max_new_tokens": 8, "stop": ["\n"]},
    "conventions": ["last-number"],
    "licence": "CC0-1.0",
}
ITEMS = [{"id": "a", "question": "1 + 1?", "answer": "2"}, {"id": "b", "question": "2 + 2?", "answer": "4"}]


def data(items: str, reader: str = "answer-items") -> dict[str, Any]:
    return {"reader": reader, "files": {"items": items}}


def write(folder: Path, settings: dict[str, Any] | None = None, lines: list[str] | None = None) -> str:
    (folder / "items.jsonl").write_text(
        "\n".join(lines if lines is not None else map(json.dumps, ITEMS)) + "\n", encoding="utf-8"
    )
    path = folder / "small.yaml"
    path.write_text(json.dumps({**SETTINGS, **(settings or {})}), encoding="utf-8")  # JSON is YAML
    return str(path)


def test_a_suite_of_ones_own_is_loaded_by_path(tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path))
    assert suite.name == "small"
    assert [suite.prompt(item) for item in suite.items] == ["Q: 1 + 1?\nA:", "Q: 2 + 2?\nA:"]


def test_a_template_may_hold_braces(tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path, {"prompt": "{{{question}}} in \\boxed{{}}:"}))

    assert suite.prompt(suite.items[0]) == "{1 + 1?} in \\boxed{}:"


def test_a_line_separator_inside_an_item_does_not_end_it(tmp_path: Path) -> None:
    line = json.dumps({"id": "a", "question": "1\u2028+ 1?", "answer": "2"}, ensure_ascii=False)
    assert len(load_suite(write(tmp_path, lines=[line])).items) == 1


@pytest.mark.parametrize(
    ("settings", "lines", "message"),
    [
        ({"promt": "x"}, None, 'promt: unknown key (did you mean "prompt"?)'),
        ({"prompt": "{qestion}"}, None, "items have no 'qestion' (did you mean \"question\"?)"),
        ({"prompt": "{question.__class__}"}, None, "prompt: in '{question.__class__}' a brace belongs to no field"),
        ({"prompt": "{question"}, None, "such as {subject}"),
        ({"prompt": "{question}", "preamble": "Sums }"}, None, "preamble: in 'Sums }' a brace belongs to no field"),
        ({"prompt": "{question}", "options": {"form": "{Text}"}}, None, "options.form: in '{Text}' a brace"),
        ({"options": {"form": "{answer}"}}, None, "options.form: items have no 'answer'"),
        ({"name": "gsm8k"}, None, "gsm8k is one of Gristmill's. Rename yours, such as my-gsm8k"),
        ({"name": "GSM8K"}, None, "name: scores are stored by the name"),
        ({"name": "heldout"}, None, "name: scores are stored by the name"),
        ({"data": data("../items.jsonl")}, None, "'../items.jsonl' must be a path below the suite's folder"),
        ({"data": data("other.jsonl")}, None, "there is no file 'other.jsonl' next to its YAML file"),
        ({"data": {"reader": "answer-items", "files": {}}}, None, "there is no file of items"),
        ({"generation": None}, None, "generation settings are for suites with written answers"),
        ({"conventions": ["choice-sum"]}, None, "generation settings are for suites with written answers"),
        ({}, [], "there are none"),
        ({}, ['{"id": "a"', ""], "items.jsonl:1: this line is not JSON"),
        ({}, ["", '{"id": "a", "question": "x"}'], "items.jsonl:2: answers"),
        ({}, ['{"id": "a", "question": "x", "answer": "many"}'], "item a: answers: 'many'; the convention last-number"),
        (
            {"data": data("items.jsonl", "answers")},
            None,
            "there is no reader 'answers' (did you mean \"answer-items\"?)",
        ),
        ({"conventions": ["last"]}, None, "there is no convention 'last'"),
        ({"conventions": ["last-number", "completion"]}, None, "must all grade the same"),
        ({"conventions": ["completion"]}, None, "completion does not grade what answer-items reads"),
        ({}, ['{"id": "a", "question": "x", "answer": "1", "gold": 1}'], "gold: unknown key"),
        ({}, [json.dumps(ITEMS[0])] * 2, "id 'a' occurs twice"),
    ],
)
def test_a_wrong_suite_is_refused_with_its_place(
    tmp_path: Path, settings: dict[str, Any], lines: list[str] | None, message: str
) -> None:
    with pytest.raises(UsageError) as refusal:
        load_suite(write(tmp_path, settings, lines))
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"options": ["a", "a"]}, "two options are equal"),
        ({"options": ["a", "b"], "answer": 2}, "answer 2 is not one of the 2 options"),
        ({"options": ["a"], "answer": 0}, "give at least 2"),
    ],
)
def test_a_wrong_choice_is_refused(tmp_path: Path, item: dict[str, Any], message: str) -> None:
    line = json.dumps({"id": "a", "passage": "p", "question": "q", "options": ["a", "b"], "answer": 0, **item})
    choice = {
        "data": data("items.jsonl", "choice-items"),
        "conventions": ["choice-sum"],
        "area": "reading",
        "generation": None,
        "prompt": "{passage}",
    }
    with pytest.raises(UsageError, match=message):
        load_suite(write(tmp_path, choice, [line]))


def test_unknown_names_are_refused_with_the_near_one() -> None:
    with pytest.raises(UsageError, match='did you mean "gristmill-reading"'):
        load_suite("gristmil-reading")
    with pytest.raises(UsageError, match="there is no such file"):
        load_suite("nowhere/small.yaml")


def test_the_digest_names_what_is_asked_and_nothing_else(tmp_path: Path) -> None:
    digest = load_suite(write(tmp_path)).digest
    assert load_suite(write(tmp_path, {"about": "Other words.", "licence": "MIT"})).digest == digest
    assert load_suite(write(tmp_path, {"prompt": "{question}"})).digest != digest
    assert load_suite(write(tmp_path, {"generation": {"max_new_tokens": 9, "stop": ["\n"]}})).digest != digest
    changed = [json.dumps({**item, "answer": "7"}) for item in ITEMS]
    assert load_suite(write(tmp_path, lines=changed)).digest != digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 5000 + "]" * 5000, "nested too deeply"),
        ("name: 2026-13-45", "not YAML"),
        ("limit: " + "9" * 5000, "not YAML"),
        ("name: '", "not YAML"),
        ("name: a\ndata:\n  reader: a\n  files: {}\n  'reader': b\n", r"line 5: the key 'reader' .*first in line 3"),
        ("name: a\ndata: [{1: a, 1: b}]\n", "line 2: the key '1' is given twice"),
    ],
    ids=["deep", "date", "digits", "quote", "twice", "twice in a line"],
)
def test_a_suite_that_no_reader_can_take_gets_a_message(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "suite.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(UsageError, match=rf"suite\.yaml: .*{words}"):
        load_suite(str(tmp_path / "suite.yaml"))
