"""The safety section of a policy: what is refused, and which rule decides a finding."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gristmill.core.errors import GristmillError, UsageError
from gristmill.schemas.findings import FindingGroup, FindingKind
from gristmill.tasks.filtering.policy import Policy, load_policy
from gristmill.tasks.safety.policy.fates import ACTION, HOW, decided, rejections
from gristmill.tasks.safety.policy.rules import FAKED, SafetyAction, SafetyPolicy, SafetyRule

BASE: dict[str, Any] = {
    "name": "mine",
    "lineage": "ours",
    "quality": "gopher_quality.words",
    "rules": [{"name": "words", "signal": "gopher_quality.words", "min": 1}],
}


def parsed(*rules: dict[str, Any]) -> SafetyPolicy:
    return SafetyPolicy.parse({"rules": list(rules)}, "mine.yaml")


def judged(safety: SafetyPolicy, *findings: tuple[str, float]) -> list[tuple[str, str | None]]:
    rows = [{"source": "news", "kind": kind, "score": score} for kind, score in findings]
    return list(decided(pl.DataFrame(rows), safety).select(ACTION, HOW).iter_rows())


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"kinds": ["emial"], "action": "drop"}, "there is no kind of finding 'emial' (did you mean \"email\"?)"),
        ({"groups": ["secrets"], "action": "drop"}, "no group of kinds 'secrets' (did you mean \"secret\"?)"),
        ({"kinds": ["email"], "action": "redakt"}, "no action 'redakt' (did you mean \"redact\"?)"),
        ({"kinds": ["email"], "action": "redact", "as": "fak"}, "no way to redact 'fak' (did you mean \"fake\"?)"),
        ({"kinds": ["email"], "action": "drop", "as": "fake"}, "as says how to redact, and the action is drop"),
        ({"kinds": ["api_key"], "action": "redact", "as": "fake"}, "as: fake: there is none for api_key"),
        ({"kinds": ["phone"], "action": "redact", "as": "fineweb"}, "as: fineweb: there is none for phone"),
        ({"kinds": ["email"], "action": "drop", "min_scor": 1}, 'unknown key (did you mean "min_score"?)'),
        ({"kinds": ["email"], "action": "drop", "min_score": 2}, "min_score"),
        ({"action": "drop"}, "this rule matches nothing"),
        ({"signals": ["url.blocke"], "action": "drop"}, "there is no signal 'url.blocke'"),
        ({"signals": ["gopher_quality.words"], "action": "drop"}, "is not a score between 0 and 1"),
        ({"signals": ["c4.lorem_ipsum"], "action": "redact"}, "has no place to redact"),
        ({"signals": ["c4.lorem_ipsum"], "kinds": ["email"], "action": "drop"}, "give them a rule of their own"),
    ],
)
def test_a_wrong_rule_is_refused_with_what_was_meant(rule: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as refused:
        parsed(rule)
    assert told in str(refused.value)


def test_a_rule_that_can_never_fire_is_refused() -> None:
    with pytest.raises(UsageError, match=r"rules\.2: an earlier rule matches whatever it matches"):
        parsed({"groups": ["personal"], "action": "keep"}, {"kinds": ["email"], "min_score": 0.5, "action": "drop"})
    parsed(
        {"groups": ["personal"], "min_score": 0.5, "action": "keep"},
        {"kinds": ["email"], "action": "drop"},
        {"kinds": ["email"], "sources": ["news"], "action": "keep"} | {"kinds": ["iban"]},
    )


def test_the_section_in_a_policy_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    rules = [{"kinds": ["phone"], "action": "redact", "as": "fake"}]
    path.write_text(yaml.safe_dump(BASE | {"safety": {"rules": rules, "readers": 2}}), encoding="utf-8")
    policy = load_policy(str(path))
    assert policy.safety.rules[0].how == "fake"
    assert policy.safety.readers == 2
    assert policy.of_quality() == Policy.parse(BASE, "base")
    assert Policy.parse(policy.model_dump(mode="json"), "dataset") == policy


def test_safety_of_an_inner_policy_is_refused_because_it_would_not_be_used() -> None:
    inner = BASE | {"name": "inner", "safety": {"readers": 2}}
    case = {"signal": "domain.domain", "equals": "code", "policy": inner}
    with pytest.raises(UsageError, match="safety of inner: it would not be used"):
        Policy.parse(BASE | {"switch": [case]}, "mine.yaml")


def test_what_no_rule_names() -> None:
    found = judged(SafetyPolicy(), ("email", 1.0), ("phone", 0.7), ("api_key", 0.9), ("bidi_unicode", 1), ("hate", 1))
    assert found == [
        ("redact", "fineweb"),
        ("redact", "placeholder"),
        ("redact", "placeholder"),
        ("keep", "placeholder"),
        ("keep", "placeholder"),
    ]
    assert judged(SafetyPolicy(), ("person_name", 0.5), ("person_name", 0.8)) == [
        ("keep", "placeholder"),
        ("redact", "placeholder"),
    ]


def test_the_first_rule_that_matches_decides() -> None:
    safety = parsed(
        {"kinds": ["phone"], "min_score": 0.9, "action": "drop"},
        {"groups": ["personal"], "sources": ["books"], "action": "drop"},
        {"groups": ["personal"], "action": "redact", "as": "fake"},
        {"signals": ["c4.lorem_ipsum"], "action": "review"},
    )
    assert judged(safety, ("phone", 0.9), ("phone", 0.89), ("birth_date", 1), ("c4.lorem_ipsum", 1)) == [
        ("drop", "placeholder"),
        ("redact", "fake"),
        ("redact", "placeholder"),  # a birth date has no fake
        ("review", None),
    ]


def test_a_finding_of_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(GristmillError, match="findings of unknown kind shoe_size"):
        judged(SafetyPolicy(), ("shoe_size", 1))


RULES = st.builds(
    SafetyRule,
    kinds=st.lists(st.sampled_from(FindingKind), min_size=1, max_size=3).map(tuple),
    groups=st.lists(st.sampled_from(FindingGroup), max_size=1).map(tuple),
    min_score=st.sampled_from([0.0, 0.3, 0.7]),
    sources=st.sampled_from([(), ("news",), ("books",)]),
    action=st.sampled_from(SafetyAction),
)
FINDINGS = st.lists(
    st.tuples(st.sampled_from(FindingKind), st.sampled_from([0.1, 0.3, 0.5, 0.7, 1.0]), st.sampled_from("ab")),
    min_size=1,
    max_size=12,
)


@given(rules=st.lists(RULES, max_size=4), findings=FINDINGS)
def test_decisions_equal_a_plain_loop(rules: list[SafetyRule], findings: list[tuple[FindingKind, float, str]]) -> None:
    safety = SafetyPolicy.model_construct(rules=tuple(rules), readers=1, sign_off="asked")
    rows = [
        {"doc_id": doc, "source": "news", "kind": str(kind), "score": score, "detector": "d"}
        for kind, score, doc in findings
    ]
    found = decided(pl.DataFrame(rows), safety)
    actions: dict[str, list[SafetyAction]] = {}
    for (kind, score, doc), action in zip(findings, found[ACTION], strict=True):
        first = next(
            rule
            for rule in safety.ordered()
            if kind in rule.matched() and score >= rule.min_score and (not rule.sources or "news" in rule.sources)
        )
        assert action == first.action
        actions.setdefault(doc, []).append(first.action)
    failed = rejections(found, safety)
    for doc, taken in actions.items():
        of_doc = failed.filter(doc_id=doc).sort("rank")
        assert of_doc["rank"].to_list() == [*range(1, len(of_doc) + 1)]
        strongest = max(taken, key=list(SafetyAction).index)
        first_rule = of_doc["rule"].head(1).to_list()
        wanted = strongest in (SafetyAction.DROP, SafetyAction.REVIEW)
        assert [rule.partition(":")[0] for rule in first_rule] == ([strongest.value] if wanted else [])


def test_every_kind_has_a_rule_and_a_replacement() -> None:
    for kind in FindingKind:
        assert judged(SafetyPolicy(), (kind, 1.0))[0][0] in set(SafetyAction)
    assert set(FAKED) <= set(FindingKind)
