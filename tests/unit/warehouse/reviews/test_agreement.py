"""Krippendorff's alpha on the published worked examples, F1 of spans, and intervals."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.schemas.reviews.decision import Choice, Decision, SpanChoice
from gristmill.warehouse.reviews.agreement import agreements, alpha, bootstrap, reads_of, span_f1

HASH = "0" * 32
AT = datetime(2026, 11, 30, tzinfo=UTC)


def units(*readers: str) -> list[list[str]]:
    """Values by unit from one line a reader, ``.`` where a value is missing."""
    return [[value for value in column if value != "."] for column in zip(*readers, strict=True)]


@pytest.mark.parametrize(
    ("readers", "published"),
    [
        (("0100000010", "1110010000"), 0.095),  # A: binary data, two observers, no missing data
        (("aabbdcccedda", "babbbcccedd" + "d"), 0.692),  # B: nominal data, two observers, no missing data
    ],
)
def test_published_examples(readers: Sequence[str], published: float) -> None:
    assert alpha(units(*readers)) == pytest.approx(published, abs=0.0006)


def test_published_example_with_missing_data() -> None:
    # C: nominal data, any number of observers, missing data
    found = alpha(units("123321412...", "1233224125.3", ".3332342251.", "12332441251."))
    assert found == pytest.approx(0.743, abs=0.0006)


def test_agreement_and_nothing_to_compare() -> None:
    assert alpha([]) is None
    assert alpha([["a"], ["b"]]) is None
    assert alpha([["a", "a"], ["a", "a"]]) == 1
    assert alpha([["a", "a"], ["b", "b"]]) == 1
    assert alpha([["a", "b"], ["b", "a"]]) == pytest.approx(-0.5)


UNITS = st.lists(st.lists(st.sampled_from("abc"), max_size=4), max_size=8)


@given(found=UNITS)
def test_alpha_equals_the_definition_pair_by_pair(found: list[list[str]]) -> None:
    judged = [values for values in found if len(values) >= 2]
    everything = [value for values in judged for value in values]
    total = len(everything)
    observed = sum(sum(one != other for one, other in permutations(values, 2)) / (len(values) - 1) for values in judged)
    expected = sum(one != other for one, other in permutations(everything, 2))
    if not judged:
        assert alpha(found) is None
    elif not expected:
        assert alpha(found) == 1
    else:
        assert alpha(found) == pytest.approx(1 - (observed / total) / (expected / (total * (total - 1))))


def test_f1_of_spans() -> None:
    one, other = frozenset({(0, 2, "email"), (5, 9, "phone")}), frozenset({(0, 2, "email")})
    assert span_f1([[one, other]]) == pytest.approx(2 / 3)
    assert span_f1([[one, one], [frozenset(), frozenset()]]) == 1
    assert span_f1([[frozenset(), frozenset()]]) is None
    assert span_f1([[one]]) is None


def test_intervals_hold_the_value_and_are_the_same_each_time() -> None:
    found = units("aabbdccceddaaabbab", "babbbcccedddaabbbb")
    low, high = bootstrap(found, alpha, 200)
    value = alpha(found)
    assert low is not None
    assert high is not None
    assert value is not None
    assert low < value < high
    assert bootstrap(found, alpha, 200) == (low, high)
    assert bootstrap(found[:1], alpha, 200) == (None, None)


def decided(person: str, choice: str, *spans: tuple[int, int, str, str], **told: Any) -> Decision:
    marked = [
        SpanChoice.parse(dict(zip(("start", "end", "kind", "decision"), span, strict=True)), "") for span in spans
    ]
    row = {"text_hash": HASH, "doc_id": HASH, "source": "news", "person": person, "decision": Choice(choice), "at": AT}
    return Decision.model_validate({**row, "spans": tuple(marked), **told})


def test_first_decisions_count_and_kinds_are_apart() -> None:
    findings = {"a": [(0, 5, "email")], "b": [(3, 9, "phone")]}
    by_text = {
        "a": [decided("ann", "redact"), decided("bob", "keep"), decided("bob", "redact")],  # bob changed his mind later
        "b": [decided("ann", "drop"), decided("bob", "defer"), decided("bob", "drop")],
        "c": [decided("ann", "keep"), decided("cat", "keep", arbiter=True)],  # one reader
    }
    reads = reads_of(by_text, findings)
    assert [sorted(read.kinds) for read in reads] == [["email"], ["phone"]]
    rows = {row.kind: row for row in agreements(reads)}
    assert list(rows) == ["all", "email", "phone"]
    assert (rows["all"].documents, rows["all"].readers) == (2, 2)
    assert rows["all"].alpha == pytest.approx(alpha([["redact", "keep"], ["drop", "drop"]]))
    assert rows["phone"].alpha == 1
    assert rows["phone"].span_f1 is None  # both drop the document
    assert rows["email"].span_f1 == 0  # ann redacts the finding, bob does not
    assert rows["email"].span_alpha == pytest.approx(0)


def test_spans_that_a_reader_marks_or_keeps() -> None:
    findings = {"a": [(0, 5, "email"), (7, 9, "phone")]}
    one = decided("ann", "redact", (7, 9, "phone", "keep"), (20, 30, "person_name", "redact"))
    other = decided("bob", "keep", (0, 5, "email", "redact"))
    (everything, *kinds) = agreements(reads_of({"a": [one, other]}, findings))
    assert everything.span_f1 == pytest.approx(2 / 3)
    assert [row.kind for row in kinds] == ["email", "person_name", "phone"]
    assert kinds[0].span_f1 == 1
