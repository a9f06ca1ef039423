"""Stage review: who is held, dropped and kept, by the policy and by people, and which spans are redacted."""

from typing import Any

import pyarrow as pa

from gristmill.core.digests import digest_text
from gristmill.core.table import conform
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import Redactions, Reviews, Spans, Verdicts
from gristmill.tasks.cleaning.review import ReviewConfig, review
from gristmill.tasks.safety.policy.rules import SafetyPolicy
from tests.helpers.ledger_rows import all_kept, documents_of, signals_of, table_of

TEXTS = {
    "mail": "write to jane@corp.io now",
    "key": "the key is AKIA0123456789ABCDEF and jane@corp.io",
    "plain": "nothing here",
    "gone": "AKIA0123456789ABCDEF",
}
KEY = "AKIA0123456789ABCDEF"
HOLD = {"rules": [{"groups": ["secret"], "min_score": 0.5, "action": "review"}]}


def span(name: str, found: str, kind: str, score: float = 1.0) -> dict[str, Any]:
    start = TEXTS[name].index(found)
    place = {"start": start, "end": start + len(found)}
    return {"doc_id": digest_text(name), "kind": kind, "score": score, "detector": f"d:{kind}", **place}


SPANS = [
    span("mail", "jane@corp.io", "email"),
    span("key", KEY, "api_key", 0.8),
    span("key", "jane@corp.io", "email"),
    span("gone", KEY, "api_key"),
]


def chose(name: str, decision: str, *spans: tuple[str, str, str]) -> list[dict[str, Any]]:
    text_hash = digest_text(TEXTS[name])
    rows = [{"text_hash": text_hash, "start": 0, "end": 0, "kind": "", "decision": decision}]
    for found, kind, chosen in spans:
        start = TEXTS[name].index(found)
        rows.append(
            {"text_hash": text_hash, "start": start, "end": start + len(found), "kind": kind, "decision": chosen}
        )
    return rows


def run(
    safety: dict[str, Any], people: list[dict[str, Any]] | None = None, lorem: tuple[str, ...] = ()
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, list[tuple[str, str, str]]]]:
    """Ledger rows and redacted spans (text, how, by) by name."""
    documents = documents_of(TEXTS)
    names = {digest_text(name): name for name in TEXTS}
    order = [names[row] for row in documents["doc_id"].to_pylist()]
    stays = documents.filter(pa.array([name != "gone" for name in order]))
    verdicts = pa.concat_tables([all_kept(documents), all_kept(stays, StageName.CLEAN)])
    signals = signals_of(documents, {"c4.lorem_ipsum": [name in lorem for name in order]})
    judged, made = review.function(
        documents,
        verdicts,
        {Spans.name: table_of(Spans, SPANS)},
        signals,
        table_of(Reviews, people or []),
        ReviewConfig(safety=SafetyPolicy.parse(safety, "mine.yaml")),
    )
    ledger: dict[str, list[dict[str, Any]]] = {}
    for row in conform(Verdicts, judged).to_pylist():
        ledger.setdefault(names[row["doc_id"]], []).append(row)
    spans: dict[str, list[tuple[str, str, str]]] = {}
    for row in conform(Redactions, made).to_pylist():
        name = names[row["doc_id"]]
        spans.setdefault(name, []).append((TEXTS[name][row["start"] : row["end"]], row["how"], row["by"]))
    return ledger, spans


def test_without_rules_everything_stays_and_personal_data_and_secrets_are_redacted() -> None:
    ledger, spans = run({})
    assert {name: rows[0]["kept"] for name, rows in ledger.items()} == dict.fromkeys(("mail", "key", "plain"), True)
    assert spans == {
        "mail": [("jane@corp.io", "fineweb", "policy")],
        "key": [(KEY, "placeholder", "policy"), ("jane@corp.io", "fineweb", "policy")],
    }


def test_a_held_document_is_rejected_with_kind_score_and_detector() -> None:
    ledger, spans = run(HOLD)
    (row,) = ledger["key"]
    told = {name: row[name] for name in ("stage", "kept", "rank", "rule", "value", "value_text", "threshold")}
    assert told == {
        "stage": "review",
        "kept": False,
        "rank": 1,
        "rule": "review:api_key",
        "value": 0.8,
        "value_text": "d:api_key",
        "threshold": "< 0.5",
    }
    assert "key" not in spans
    assert run(HOLD | {"rules": [HOLD["rules"][0] | {"min_score": 0.9}]})[0]["key"][0]["kept"]


def test_the_strongest_action_comes_first() -> None:
    rules = [{"kinds": ["api_key"], "action": "review"}, {"kinds": ["email"], "action": "drop"}]
    ledger, _ = run({"rules": rules})
    assert [(row["rank"], row["rule"]) for row in ledger["key"]] == [(1, "drop:email"), (2, "review:api_key")]


def test_a_rule_about_a_signal() -> None:
    rules = [{"signals": ["c4.lorem_ipsum"], "min_score": 0.5, "action": "drop"}]
    ledger, _ = run({"rules": rules}, lorem=("plain",))
    assert [(row["rule"], row["signal"]) for row in ledger["plain"]] == [("drop:c4.lorem_ipsum", "c4.lorem_ipsum")]
    assert ledger["mail"][0]["kept"]


def test_people_keep_what_the_policy_held_and_their_spans_count() -> None:
    ledger, spans = run(HOLD, chose("key", "keep"))
    assert ledger["key"][0]["kept"]
    assert spans["key"] == [("jane@corp.io", "fineweb", "policy")]
    _, spans = run(HOLD, chose("key", "keep", (KEY, "api_key", "redact"), ("jane@corp.io", "email", "keep")))
    assert spans["key"] == [(KEY, "placeholder", "person")]


def test_redact_redacts_every_finding_but_those_that_the_person_kept() -> None:
    _, spans = run(HOLD, chose("key", "redact"))
    assert spans["key"] == [(KEY, "placeholder", "policy"), ("jane@corp.io", "fineweb", "policy")]
    _, spans = run(HOLD, chose("key", "redact", (KEY, "api_key", "keep")))
    assert spans["key"] == [("jane@corp.io", "fineweb", "policy")]


def test_people_drop_what_the_policy_kept_and_mark_what_no_detector_found() -> None:
    ledger, spans = run({}, chose("plain", "drop") + chose("mail", "keep", ("write", "person_name", "redact")))
    (row,) = ledger["plain"]
    assert (row["rule"], row["kept"], row["value_text"]) == ("person:drop", False, "person")
    assert ("write", "placeholder", "person") in spans["mail"]


def test_a_span_beyond_the_text_is_left_out() -> None:
    rows = chose("mail", "keep")
    _, spans = run({}, [*rows, rows[0] | {"start": 5, "end": 999, "kind": "email", "decision": "redact"}])
    assert spans["mail"] == [("jane@corp.io", "fineweb", "policy")]
