"""Export to Label Studio and Argilla and back: the same decisions, and nothing of theirs is trusted."""

import json
from pathlib import Path
from typing import Any

import pytest

from gristmill.core.errors import UsageError
from gristmill.schemas.reviews.decision import Choice, SpanChoice
from gristmill.warehouse.reviews.case import case
from gristmill.warehouse.reviews.deciding import decide, subject
from gristmill.warehouse.reviews.exchange import Form, exported, told_by
from gristmill.warehouse.reviews.importing import import_decisions
from gristmill.warehouse.reviews.queue import everything
from gristmill.warehouse.reviews.store import DECISIONS
from tests.helpers.review_lake import HOSTILE, ReviewLake, build_review_lake, text_hash

FORMS: tuple[Form, ...] = ("label-studio", "argilla")
PHONE = HOSTILE.index("139")


@pytest.fixture
def web(tmp_path: Path) -> ReviewLake:
    """A lake of which one document has two decisions."""
    web = build_review_lake(tmp_path / "lake")
    spans = [
        SpanChoice.parse({"start": PHONE, "end": PHONE + 13, "kind": "phone", "decision": "redact"}, ""),
        SpanChoice.parse({"start": 0, "end": 5, "kind": "person_name", "decision": "keep"}, ""),
    ]
    about = subject(web.warehouse, text_hash("hostile"))
    decide(web.reviews, about, "ann", Choice.REDACT, reason="a phone", spans=spans)
    decide(web.reviews, about, "bob", Choice.DEFER)
    return web


def rows_of(web: ReviewLake, form: Form) -> list[Any]:
    by_text = web.reviews.by_text()
    rows = [
        exported(form, case(web.warehouse, web.reviews, row.doc_id, ""), by_text.get(row.text_hash, ()))
        for row in everything(web.warehouse, web.reviews)
    ]
    return list(json.loads(json.dumps(rows)))


@pytest.mark.parametrize("form", FORMS)
def test_a_round_trip_gives_the_same_decisions(web: ReviewLake, form: Form) -> None:
    rows = rows_of(web, form)
    assert len(rows) == 3
    before = web.reviews.decisions()
    again = import_decisions(web.warehouse, web.reviews, form, rows, {})
    assert (again.stored, again.known, again.refused) == (0, 2, [])
    (web.reviews.folder / DECISIONS).unlink()
    fresh = import_decisions(web.warehouse, web.reviews, form, rows, {"ann": "anna"})
    assert (fresh.stored, fresh.refused) == (2, [])
    after = web.reviews.decisions()
    assert [decision.person for decision in after] == ["anna", "bob"]
    assert [decision.meaning for decision in after] == [decision.meaning for decision in before]
    assert after[0].reason == "a phone"


def test_the_forms_are_those_of_the_tools(web: ReviewLake) -> None:
    task = next(row for row in rows_of(web, "label-studio") if row["data"]["text_hash"] == text_hash("hostile"))
    first = task["predictions"][0]["result"][0]
    assert (first["type"], first["value"]["labels"], first["value"]["text"]) == ("labels", ["email"], "jane@corp.io")
    choice = task["annotations"][0]["result"][0]
    assert choice == {
        "from_name": "decision",
        "to_name": "text",
        "type": "choices",
        "value": {"choices": ["redact"]},
    }
    record = next(row for row in rows_of(web, "argilla") if row["id"] == text_hash("hostile"))
    assert record["suggestions"]["spans"]["value"][1] == {"start": PHONE, "end": PHONE + 13, "label": "phone"}
    assert record["responses"]["decision"][0] == {"value": "redact", "user_id": "ann"}


def test_offsets_in_utf_16_units_are_understood_and_wrong_ones_refused() -> None:
    text = "🙂🙂 call 139 now"
    start = text.index("139")

    def task(first: int, covered: str) -> dict[str, Any]:
        value = {"start": first, "end": first + 3, "text": covered, "labels": ["phone"]}
        results = [{"type": "choices", "value": {"choices": ["keep"]}}, {"type": "labels", "value": value}]
        return {
            "data": {"text_hash": "0" * 32},
            "annotations": [{"completed_by": 7, "result": results}],
        }

    for first in (start, start + 2):
        (told,) = told_by("label-studio", task(first, "139"), {"7": "ann"}, text)
        assert (told.person, [(span.start, span.end) for span in told.spans]) == ("ann", [(start, start + 3)])
    with pytest.raises(UsageError, match="does not have the text that it says it has"):
        told_by("label-studio", task(start, "138"), {}, text)


@pytest.mark.parametrize(
    ("form", "row"),
    [
        ("label-studio", "no task"),
        ("label-studio", {"data": {}}),
        ("label-studio", {"data": {"text_hash": "f" * 32}, "annotations": []}),
        ("label-studio", {"data": {"text_hash": text_hash("third")}}),
        (
            "label-studio",
            {
                "data": {"text_hash": text_hash("third")},
                "annotations": [{"completed_by": 1, "result": [{"type": "choices", "value": {"choices": ["burn"]}}]}],
            },
        ),
        ("argilla", {"metadata": {"text_hash": text_hash("third")}, "responses": []}),
        (
            "argilla",
            {
                "metadata": {"text_hash": text_hash("third")},
                "responses": {"decision": [{"value": "keep", "user_id": "\u202eann"}]},
            },
        ),
        (
            "argilla",
            {
                "metadata": {"text_hash": text_hash("third")},
                "responses": {
                    "decision": [{"value": "keep", "user_id": "a"}],
                    "spans": [{"value": [{"start": 0, "end": 9999, "label": "email"}], "user_id": "a"}],
                },
            },
        ),
    ],
)
def test_what_cannot_be_taken_is_told_and_nothing_is_stored(web: ReviewLake, form: Form, row: Any) -> None:
    before = web.reviews.decisions()
    found = import_decisions(web.warehouse, web.reviews, form, [row], {})
    assert (found.stored, len(found.refused)) == (0, 1)
    assert web.reviews.decisions() == before
