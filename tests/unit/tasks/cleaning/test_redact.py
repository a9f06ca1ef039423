"""Redact: only what stays, every cut made, every span replaced once, both counted."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.core.digests import digest_text
from gristmill.core.errors import GristmillError
from gristmill.core.table import conform
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import Cuts, Redacted, Redactions
from gristmill.tasks.cleaning.redact import RedactConfig, redact
from gristmill.tasks.text.cutting import TextSpans, characters, covered, rewrite
from gristmill.tasks.text.editing import edit_texts, listed
from tests.helpers.ledger_rows import all_kept, documents_of, table_of

TEXTS = {
    "mail": "write to jane@corp.io or joe@corp.io now",
    "plain": "nothing here",
    "gone": "was jane@corp.io",
    "lines": "Menu\n谷物 jane@corp.io\nThe end. [1]\nmail joe@corp.io\nCookies",
    "empty": "Menu",
}


def span(name: str, found: str, kind: str = "email", how: str = "fineweb") -> dict[str, Any]:
    start = TEXTS[name].index(found)
    return {"doc_id": digest_text(name), "kind": kind, "start": start, "end": start + len(found), "how": how}


def cut(name: str, found: str, lines: int = 1) -> dict[str, Any]:
    start = TEXTS[name].index(found)
    return {"doc_id": digest_text(name), "start": start, "end": start + len(found), "lines": lines, "reason": "test"}


def run(*spans: dict[str, Any], cuts: list[dict[str, Any]] | None = None) -> dict[str, dict[str, Any]]:
    documents = documents_of(TEXTS)
    gone = [digest_text("gone"), digest_text("empty")]
    stays = documents.filter(pa.array([row not in gone for row in documents["doc_id"].to_pylist()]))
    verdicts = pa.concat_tables([all_kept(documents, "decide"), all_kept(stays, StageName.REVIEW)])
    made = table_of(Redactions, spans)
    rows = redact.function(documents, verdicts, made, table_of(Cuts, cuts or []), RedactConfig())
    return {row["doc_id"]: row for row in conform(Redacted, rows).to_pylist()}


def test_only_documents_that_passed_the_review() -> None:
    assert set(run()) == {digest_text(name) for name in ("mail", "plain", "lines")}


def test_spans_are_replaced_and_counted() -> None:
    rows = run(span("mail", "jane@corp.io"), span("mail", "joe@corp.io"), span("gone", "jane@corp.io"))
    mail = rows[digest_text("mail")]
    assert "corp.io" not in mail["text"]
    assert mail["text"].startswith("write to ")
    assert mail["text"].endswith(" now")
    assert (mail["redactions"], mail["lines_removed"]) == (2, 0)
    plain = rows[digest_text("plain")]
    assert (plain["text"], plain["redactions"], plain["lines_removed"]) == (TEXTS["plain"], 0, 0)


def test_overlapping_spans_are_one_replacement() -> None:
    rows = run(
        span("mail", "jane@corp.io or joe@corp.io"),
        span("mail", "jane@corp.io"),
        span("mail", "joe@corp.io"),
        span("mail", "corp.io or"),
    )
    assert rows[digest_text("mail")]["redactions"] == 1
    assert "corp.io" not in rows[digest_text("mail")]["text"]


def test_lines_and_marks_are_cut_and_what_is_cut_at_the_end_leaves_no_line_feed() -> None:
    cuts = [
        cut("lines", "Menu\n"),
        cut("lines", " [1]", 0),
        cut("lines", "mail joe@corp.io\n"),
        cut("lines", "Cookies"),
    ]
    row = run(cuts=cuts)[digest_text("lines")]
    assert (row["text"], row["redactions"], row["lines_removed"]) == ("谷物 jane@corp.io\nThe end.", 0, 3)


def test_a_span_inside_a_cut_goes_with_it_and_one_that_is_cut_in_half_is_replaced() -> None:
    found = [span("lines", "jane@corp.io"), span("lines", "joe@corp.io")]
    row = run(*found, cuts=[cut("lines", "mail joe@corp.io\n")])[digest_text("lines")]
    assert "corp.io" not in row["text"]
    assert (row["redactions"], row["lines_removed"]) == (1, 1)
    half = run(*found, cuts=[cut("lines", "谷物 jane@", 0)])[digest_text("lines")]
    assert "corp.io" not in half["text"]
    assert half["redactions"] == 2
    assert half["text"].startswith("Menu\n")


def test_overlapping_cuts_are_one_and_the_inner_one_is_not_counted() -> None:
    cuts = [
        cut("lines", "Menu\n谷物 jane@corp.io\n", 2),
        cut("lines", "Menu\n"),
        cut("lines", "谷物", 0),
        cut("lines", "io\nThe"),
    ]
    row = run(span("lines", "jane@corp.io"), cuts=cuts)[digest_text("lines")]
    assert row["text"] == "end. [1]\nmail joe@corp.io\nCookies"
    assert (row["redactions"], row["lines_removed"]) == (0, 3)


def test_a_span_outside_its_text_and_a_way_that_a_kind_lacks_are_errors() -> None:
    far = {"doc_id": digest_text("plain"), "start": 5, "end": 99, "lines": 1, "reason": "test"}
    with pytest.raises(GristmillError, match="outside the 12 characters"):
        run(cuts=[far])
    with pytest.raises(GristmillError, match="outside the 12 characters"):
        run(far | {"kind": "email", "how": "placeholder"})
    with pytest.raises(GristmillError, match="no replacement fineweb for spans of kind iban"):
        run(span("mail", "jane@corp.io", "iban"))


def test_placeholders_name_the_kind() -> None:
    row = run(span("mail", "jane@corp.io", how="placeholder"), span("mail", "joe@corp.io", how="fineweb"))
    assert row[digest_text("mail")]["text"].startswith("write to [EMAIL] or ")


SPAN = st.tuples(st.integers(0, 11), st.integers(1, 12)).map(lambda pair: (min(pair), max(*pair, min(pair) + 1)))
TEXT = st.text(alphabet="ab é谷🙂\n", min_size=12, max_size=12)


@given(texts=st.lists(st.tuples(TEXT, st.lists(SPAN, max_size=4), st.lists(SPAN, max_size=4)), max_size=4))
@settings(deadline=None, max_examples=80)
def test_edits_equal_a_plain_loop_over_characters(texts: list[tuple[str, Any, Any]]) -> None:
    ids = pa.array([str(number) for number in range(len(texts))], pa.string())
    spans = [
        {"doc_id": str(n), "start": a, "end": b, "kind": "k", "how": "x"}
        for n, row in enumerate(texts)
        for a, b in row[1]
    ]
    cuts = [{"doc_id": str(n), "start": a, "end": b, "lines": 1} for n, row in enumerate(texts) for a, b in row[2]]
    found = edit_texts(
        ids,
        pa.array([row[0] for row in texts], pa.string()),
        table_of(Redactions, spans),
        table_of(Cuts, cuts),
        listed({"k": ("<>",)}),
    )
    for (text, replaced, gone), row in zip(texts, found.iter_rows(named=True), strict=True):
        expected, redactions = plain_edit(text, replaced, gone)
        assert (row["text"], row["redactions"]) == (expected, redactions)


def plain_edit(text: str, replaced: list[tuple[int, int]], gone: list[tuple[int, int]]) -> tuple[str, int]:
    runs: list[list[int]] = []
    for start, end in sorted(replaced):
        if runs and start < runs[-1][1]:
            runs[-1][1] = max(end, runs[-1][1])
        else:
            runs.append([start, end])
    cut_away = {place for start, end in gone for place in range(start, end)}
    pieces, made, done = [], 0, set()
    for place, character in enumerate(text):
        if place in cut_away:
            continue
        inside = [number for number, (start, end) in enumerate(runs) if start <= place < end]
        if not inside:
            pieces.append(character)
        elif inside[0] not in done:
            done.add(inside[0])
            pieces.append("<>")
            made += 1
    result = "".join(pieces)
    return (result.strip() if gone else result), made


def test_a_slice_of_an_array_is_edited_by_its_own_offsets() -> None:
    texts = pa.array(["é", "abc谷", "", "def"]).slice(1)
    text = characters(texts)
    gone = covered(text, TextSpans(*(pa.array(values).to_numpy() for values in ([0, 2], [3, 0], [4, 2]))))
    assert rewrite(text, gone, pa.array([4]).to_numpy(), [b"X"]).to_pylist() == ["abc", "", "Xf"]
