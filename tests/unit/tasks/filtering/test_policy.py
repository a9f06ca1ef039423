"""Policies: presets load, and every typo is refused with its hint."""

from pathlib import Path

import pytest

from gristmill.core.errors import UsageError
from gristmill.schemas.tables import SIGNALS
from gristmill.tasks.filtering.policy import (
    ALIASES,
    Policy,
    Rule,
    load_policy,
    missing_sets,
    policy_names,
    refuse_missing_sets,
)
from gristmill.tasks.filtering.signal_columns import signal_column, signal_names


def test_presets_load_and_are_called_as_their_files() -> None:
    assert {"fineweb@code", "fineweb@paper", "gopher@datatrove-0.10", "demo"} <= set(policy_names())
    for name in policy_names():
        assert load_policy(name).name == name


@pytest.mark.parametrize(("short", "full"), ALIASES.items())
def test_short_names_stand_for_a_lineage(short: str, full: str) -> None:
    assert load_policy(short) == load_policy(full)
    assert load_policy(short).name == full


def limits(preset: str) -> dict[str, tuple[object, ...]]:
    """What each rule of a preset demands, by signal."""
    return {rule.signal: (rule.min, rule.max, rule.equals, rule.one_of) for rule in load_policy(preset).rules}


def test_fineweb_has_the_constants_of_the_code() -> None:
    rules = {rule.signal: rule for rule in load_policy("fineweb@code").rules}
    assert rules["fineweb.dup_line_char_ratio"].max == 0.01
    assert rules["fineweb.newline_word_ratio"].max == 0.3
    assert rules["language.language_score"].min == 0.65
    assert rules["gopher_repetition.dup_10_gram_ratio"].max == 0.1
    assert (rules["gopher_quality.words"].min, rules["gopher_quality.words"].max) == (50, 100000)
    assert rules["c4.sentences"].min == 5


def test_paper_and_code_of_fineweb_differ_in_two_rules() -> None:
    code, paper = limits("fineweb@code"), limits("fineweb@paper")
    assert paper["fineweb.dup_line_char_ratio"][1] == 0.1
    assert {signal for signal in code if code[signal] != paper.get(signal)} == {
        "fineweb.dup_line_char_ratio",
        "fineweb.newline_word_ratio",
    }
    assert set(paper) < set(code)


def test_fineweb_holds_all_of_gopher() -> None:
    assert limits("gopher").items() <= limits("fineweb").items()


def test_every_signal_of_the_contract_can_be_named() -> None:
    names = signal_names()
    assert "gopher_quality.words" in names
    assert not [name for name in names if name.endswith(".doc_id")]
    for name in names:
        signal_column(name)


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
        ({"clean": "c4"}, "c4@fineweb"),
        ({"switch": [{"signal": "language.language", "one_of": ["zh"]}]}, "policy: Field required"),
        ({"switch": [{"signal": "language.langauge", "equals": "zh", "policy": "demo"}]}, "did you mean"),
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


RULES = "quality: c4.sentences\nlineage: test\nrules:\n  - {name: long, signal: gopher_quality.words, min: 9}\n"


def switching(folder: Path, name: str, *targets: str) -> Path:
    """A policy file that hands zh, ja, ... to ``targets``, in that order."""
    cases = zip(["zh", "ja", "ko", "th"], targets, strict=False)
    switch = "".join(f"  - {{signal: language.language, equals: {code}, policy: {to}}}\n" for code, to in cases)
    path = folder / f"{name}.yaml"
    path.write_text(f"name: {name}\n{RULES}" + (f"switch:\n{switch}" if switch else ""), encoding="utf-8")
    return path


def test_a_policy_switches_to_presets_and_to_files_beside_it(tmp_path: Path) -> None:
    switching(tmp_path, "inner", "gopher")
    policy = load_policy(str(switching(tmp_path, "outer", "inner.yaml", "gopher", "fineweb@code")))
    branches = policy.branches()
    assert [branch.policy.name for branch in branches] == [
        "outer",
        "inner",
        "gopher@datatrove-0.10",
        "fineweb@code",
    ]
    assert [branch.prefix for branch in branches] == ["", "inner/", "gopher@datatrove-0.10/", "fineweb@code/"]
    ranks = [rank for branch in branches for rank, _, _ in branch.ranked()]
    assert ranks == list(range(1, len(ranks) + 1))
    names = [name for branch in branches for _, name, _ in branch.ranked()]
    assert len(set(names)) == len(names)
    assert {"language.language", "fineweb.newline_word_ratio", "gopher_quality.words"} <= set(policy.signals())
    assert Policy.parse(policy.model_dump(mode="json"), "what a dataset records") == policy


def test_policies_that_switch_in_a_circle_are_refused(tmp_path: Path) -> None:
    switching(tmp_path, "a", "b.yaml")
    switching(tmp_path, "b", "gopher", "c.yaml")
    switching(tmp_path, "c", "a.yaml")
    with pytest.raises(UsageError, match=r"in a circle \(a.yaml -> b.yaml -> c.yaml -> a.yaml\)"):
        load_policy(str(tmp_path / "a.yaml"))
    with pytest.raises(UsageError, match="in a circle"):
        load_policy(str(switching(tmp_path, "itself", "itself.yaml")))


def test_two_policies_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    switching(tmp_path / "other", "outer")
    with pytest.raises(UsageError, match="two different policies are called outer"):
        load_policy(str(switching(tmp_path, "outer", "other/outer.yaml")))


def test_a_case_that_leads_nowhere_says_where_it_stands(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r'outer.yaml: switch: there is no policy .*did you mean "gopher"'):
        load_policy(str(switching(tmp_path, "outer", "gophr")))
    with pytest.raises(UsageError, match=r"inner.yaml: there is no such file"):
        load_policy(str(switching(tmp_path, "outer", "inner.yaml")))


def test_signals_that_a_run_does_not_compute_are_asked_for_before_it() -> None:
    policy = load_policy("fineweb@code")
    everything = {table.name for table in SIGNALS}
    assert missing_sets(policy, everything) == []
    refuse_missing_sets(policy, everything)
    lacking = everything - {"signals/c4", "signals/domain"}
    assert missing_sets(policy, lacking) == ["signals/c4"]
    with pytest.raises(UsageError, match="rules c4_lorem_ipsum, c4_curly_bracket, c4_sentences look at signals/c4"):
        refuse_missing_sets(policy, lacking)
    only_quality = policy.model_copy(update={"quality": "domain.math_token_ratio"})
    assert missing_sets(only_quality, everything - {"signals/domain"}) == ["signals/domain"]
