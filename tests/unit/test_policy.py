"""Policies: presets load, and every slip of the pen is refused with its cure."""

from pathlib import Path

import pytest

from schemas.errors import UsageError
from tasks.policy import Policy, Rule, load_policy, policy_names, signal_field, signal_names


def test_presets_load_and_are_called_as_their_files() -> None:
    assert {"fineweb", "gopher", "demo"} <= set(policy_names())
    for name in policy_names():
        policy = load_policy(name)
        assert policy.name == name
        assert policy.lineage.startswith(f"{name}@")


def test_fineweb_has_the_constants_of_the_code() -> None:
    rules = {rule.signal: rule for rule in load_policy("fineweb").rules}
    assert rules["fineweb.dup_line_char_ratio"].max == 0.01
    assert rules["language.language_score"].min == 0.65
    assert rules["gopher_repetition.dup_10_gram_ratio"].max == 0.1
    assert (rules["gopher_quality.words"].min, rules["gopher_quality.words"].max) == (50, 100000)
    assert rules["c4.sentences"].min == 5


def test_every_signal_of_the_contract_can_be_named() -> None:
    names = signal_names()
    assert "gopher_quality.words" in names
    assert not [name for name in names if name.endswith(".doc_id")]
    for name in names:
        signal_field(name)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"signal": "gopher_quality.word", "min": 1}, 'did you mean "gopher_quality.words"'),
        ({"signal": "gopher_quality.doc_id", "min": 1}, "there is no signal"),
        ({"signal": "gopher_quality.words", "minimum": 1}, "unknown key"),
        ({"signal": "gopher_quality.words"}, "give either min and/or max, or equals, or one_of"),
        ({"signal": "gopher_quality.words", "min": 1, "equals": True}, "give either"),
        ({"signal": "gopher_quality.words", "min": 0}, "can never fire"),
        ({"signal": "gopher_quality.words", "min": 9, "max": 3}, "min 9 is above max 3"),
        ({"signal": "gopher_quality.words", "min": -1}, "out of range"),
        ({"signal": "gopher_quality.words", "equals": "50"}, "is a number"),
        ({"signal": "gopher_quality.words", "max": float("inf")}, "finite"),
        ({"signal": "fineweb.punct_line_ratio", "min": 12}, "12 is out of range"),
        ({"signal": "fineweb.punct_line_ratio", "max": 1}, "can never fire"),
        ({"signal": "fineweb.punct_line_ratio", "min": 0, "max": 1}, "can never fire"),
        ({"signal": "language.language", "one_of": []}, "one_of is empty"),
        ({"signal": "language.language", "min": 1}, "is text"),
        ({"signal": "c4.lorem_ipsum", "equals": "false"}, "true or false"),
        ({"signal": "c4.lorem_ipsum", "max": 0}, "true or false"),
    ],
)
def test_refuses(rule: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("/", "/")):
        Rule.parse({"name": "r", **rule}, "policy.yaml")


@pytest.mark.parametrize(
    "rule",
    [
        {"signal": "gopher_quality.hash_word_ratio", "max": 1.5},
        {"signal": "gopher_quality.mean_word_length", "min": 3, "max": 10},
        {"signal": "fineweb.punct_line_ratio", "min": 0, "max": 0.5},
        {"signal": "c4.lorem_ipsum", "equals": False},
        {"signal": "language.language", "one_of": ["en", "de"]},
        {"signal": "language.language", "equals": "en"},
    ],
)
def test_accepts(rule: dict[str, object]) -> None:
    assert Rule.parse({"name": "r", **rule}, "policy.yaml").name == "r"


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\nlineage: mine@today\nquality: gopher_quality.words\n"
        "rules:\n  - {name: long, signal: gopher_quality.words, min: 9}\n"
    )
    assert load_policy(str(path)).rules[0].min == 9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quality": "language.language"}, "name a signal that is a number"),
        ({"quality": "gopher_quality.wrods"}, "did you mean"),
        ({"rules": []}, "at least 1"),
        ({"rules": [{"name": "a", "signal": "c4.sentences", "min": 1}] * 2}, "two rules are called a"),
        ({"rulez": []}, 'did you mean "rules"'),
    ],
)
def test_refuses_a_policy(change: dict[str, object], message: str) -> None:
    good = {"name": "p", "lineage": "p@test", "quality": "c4.sentences"}
    rules = {"rules": [{"name": "a", "signal": "c4.sentences", "min": 1}]}
    with pytest.raises(UsageError, match=message):
        Policy.parse({**good, **rules, **change}, "policy.yaml")


def test_unknown_names_and_paths_say_what_to_do() -> None:
    with pytest.raises(UsageError, match='did you mean "fineweb"'):
        load_policy("finweb")
    with pytest.raises(UsageError, match="there is no such file"):
        load_policy("nowhere/mine.yaml")
