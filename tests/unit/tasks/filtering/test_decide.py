"""Decide: one row per failed rule with value and demand, or one row that says kept."""

import math
from typing import Any

import pyarrow as pa

from gristmill.core.table import conform
from gristmill.schemas.tables import Verdicts
from gristmill.tasks.filtering.decide import DecideConfig, cleaning, decide
from gristmill.tasks.filtering.policy import Policy, load_policy
from tests.helpers.ledger_rows import documents_of, signals_of

POLICY = Policy.parse(
    {
        "name": "test",
        "lineage": "test@test",
        "quality": "gopher_quality.words",
        "rules": [
            {"name": "length", "signal": "gopher_quality.words", "min": 50, "max": 100000},
            {"name": "language", "signal": "language.language", "one_of": ["en", "de"]},
            {"name": "punctuation", "signal": "fineweb.punct_line_ratio", "min": 0.12},
            {"name": "lorem", "signal": "c4.lorem_ipsum", "equals": False},
        ],
    },
    "test",
)


def judge(values: dict[str, list[Any]], drop: str = "") -> list[list[dict[str, Any]]]:
    """Verdict rows of three documents, in order of the given values."""
    documents = documents_of({"a": "one", "b": "two", "c": "three"})
    good: dict[str, list[Any]] = {
        "gopher_quality.words": [60, 60, 60],
        "language.language": ["en", "en", "en"],
        "fineweb.punct_line_ratio": [0.5, 0.5, 0.5],
        "c4.lorem_ipsum": [False, False, False],
    }
    signals = signals_of(documents, {**good, **values})
    if drop:
        signals = {name: rows.slice(1) if drop in rows.column_names else rows for name, rows in signals.items()}
    rows = conform(Verdicts, decide.function(documents, signals, DecideConfig(policy=POLICY))).to_pylist()
    order = documents.column("doc_id").to_pylist()
    return [[row for row in rows if row["doc_id"] == doc_id] for doc_id in order]


def test_kept_documents_have_one_row() -> None:
    for rows in judge({}):
        assert len(rows) == 1
        assert rows[0]["kept"] is True
        assert rows[0]["rank"] == 0
        assert rows[0]["source"] == "corpus"
        assert [rows[0][name] for name in ("rule", "signal", "value", "value_text", "threshold")] == [None] * 5


def test_bounds_are_inclusive_and_the_broken_one_is_named() -> None:
    first, second, third = judge({"gopher_quality.words": [49, 50, 100001]})
    assert [(row["rule"], row["value"], row["threshold"]) for row in first] == [("length", 49.0, ">= 50")]
    assert second[0]["kept"]
    assert [(row["signal"], row["value"], row["threshold"]) for row in third] == [
        ("gopher_quality.words", 100001.0, "<= 100000")
    ]


def test_every_failed_rule_is_listed_in_the_order_of_the_policy() -> None:
    rows = judge(
        {
            "gopher_quality.words": [1, 60, 60],
            "language.language": ["fr", "en", "en"],
            "c4.lorem_ipsum": [True, False, False],
        }
    )[0]
    assert [(row["rank"], row["rule"]) for row in rows] == [(1, "length"), (2, "language"), (4, "lorem")]
    assert [(row["value_text"], row["threshold"]) for row in rows[1:]] == [("fr", "in en, de"), ("true", "= false")]
    assert not any(row["kept"] for row in rows)


def test_a_null_a_nan_and_an_absent_row_are_missing_and_fail() -> None:
    rows = judge({"fineweb.punct_line_ratio": [math.nan, 0.5, 0.5]})[0]
    assert [(row["value"], row["value_text"], row["threshold"]) for row in rows] == [(None, "missing", ">= 0.12")]
    rows = judge({}, drop="words")[0]
    assert [(row["value_text"], row["threshold"]) for row in rows] == [("missing", ">= 50 and <= 100000")]
    rows = judge({}, drop="lorem_ipsum")[0]
    assert [(row["value_text"], row["threshold"]) for row in rows] == [("missing", "= false")]


def test_the_order_of_the_signal_rows_means_nothing() -> None:
    documents = documents_of({str(i): f"text {i}" for i in range(50)})
    signals = signals_of(documents, {"gopher_quality.words": list(range(20, 70)), "language.language": ["en"] * 50})
    config = DecideConfig(policy=POLICY)
    backwards = {name: table.take(pa.array(range(49, -1, -1))) for name, table in signals.items()}
    expected = conform(Verdicts, decide.function(documents, signals, config))
    assert conform(Verdicts, decide.function(documents, backwards, config)).equals(expected)


def test_no_documents_give_no_verdicts() -> None:
    documents = documents_of({})
    assert decide.function(documents, signals_of(documents, {}), DecideConfig(policy=POLICY)).num_rows == 0


SWITCHING = Policy.parse(
    {
        "name": "outer",
        "lineage": "test",
        "quality": "gopher_quality.words",
        "clean": "c4@fineweb",
        "switch": [
            {
                "signal": "language.language",
                "one_of": ["zh", "ja"],
                "policy": {
                    "name": "inner",
                    "lineage": "test",
                    "quality": "gopher_quality.words",
                    "rules": [{"name": "length", "signal": "gopher_quality.words", "min": 5}],
                },
            },
            {"signal": "language.language_score", "max": 0.2, "policy": POLICY.model_dump()},
        ],
        "rules": [
            {"name": "length", "signal": "gopher_quality.words", "min": 50},
            {"name": "lorem", "signal": "c4.lorem_ipsum", "equals": False},
        ],
    },
    "test",
)


def test_the_first_case_that_holds_judges_alone() -> None:
    documents = documents_of({name: name for name in ("kept", "inner", "inner kept", "third", "no score")})
    at = {doc_id: place for place, doc_id in enumerate(documents.column("doc_id").to_pylist())}
    rows = {
        "kept": (60, "en", 0.9),
        "inner": (4, "zh", 0.1),
        "inner kept": (6, "ja", 0.9),
        "third": (6, "fr", 0.1),
        "no score": (6, "en", math.nan),
    }
    values: dict[str, list[Any]] = {"gopher_quality.words": [0] * 5, "language.language": [""] * 5}
    values["language.language_score"] = [0.0] * 5
    for name, row in rows.items():
        place = at[documents_of({name: name}).column("doc_id")[0].as_py()]
        for column, value in zip(values.values(), row, strict=True):
            column[place] = value
    signals = signals_of(documents, values)
    verdicts = conform(Verdicts, decide.function(documents, signals, DecideConfig(policy=SWITCHING))).to_pylist()
    ids = {name: documents_of({name: name}).column("doc_id")[0].as_py() for name in rows}
    found = {name: [(row["rank"], row["rule"]) for row in verdicts if row["doc_id"] == ids[name]] for name in rows}
    assert found == {
        "kept": [(0, None)],
        "inner": [(3, "inner/length")],
        "inner kept": [(0, None)],
        "third": [(4, "test/length"), (5, "test/language"), (6, "test/punctuation")],
        "no score": [(1, "length")],
    }
    cleans = dict(zip(documents.column("doc_id").to_pylist(), cleaning(documents, signals, SWITCHING), strict=True))
    assert [cleans[ids[name]] for name in rows] == ["c4@fineweb", "none", "none", "none", "c4@fineweb"]


def test_a_policy_that_does_not_switch_cleans_all_alike() -> None:
    documents = documents_of({"a": "one", "b": "two"})
    assert cleaning(documents, signals_of(documents, {}), POLICY).to_list() == ["none", "none"]


def test_the_preset_for_clean_text_keeps_whatever_has_a_word() -> None:
    documents = documents_of({"a": "one", "b": "two", "c": "three"})
    signals = signals_of(documents, {"gopher_quality.words": [1, 0, 900], "language.language": ["zh", "en", "xx"]})
    rows = decide.function(documents, signals, DecideConfig(policy=load_policy("keep"))).to_pylist()
    at = {row["doc_id"]: (row["kept"], row["rule"]) for row in rows}
    order = documents.column("doc_id").to_pylist()
    assert [at[doc_id] for doc_id in order] == [(True, None), (False, "empty"), (True, None)]
