"""Laws of the signals on any text: bounds, independence of order and of slices, agreement with the plain versions."""

import random
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gristmill.core.steps.step import Step
from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.step import findings, findings_config
from gristmill.tasks.signals.c4 import LINEAGES, citation_spans, judge_lines, text_left
from gristmill.tasks.signals.heuristics import HeuristicsConfig, heuristics
from gristmill.tasks.signals.language import language, language_config
from gristmill.tasks.signals.line_rules.c4 import line_facts
from gristmill.tasks.text import slices
from gristmill.tasks.text.columns import column_of, lines_of
from gristmill.tasks.tokenization.words import tokenize, tokens_from_characters, tokens_of
from tests.helpers.plain_signals import (
    column_words,
    documents_of,
    plain_c4_text,
    plain_quality,
    plain_repetition,
)
from tests.helpers.plain_tokens import plain_words
from tests.helpers.replaced import replaced

STEPS = [(heuristics, HeuristicsConfig()), (language, language_config()), (findings, findings_config())]
IDS = [step.name for step, _ in STEPS]
BOUNDED = {
    "bullet_line_ratio",
    "ellipsis_line_ratio",
    "alpha_word_ratio",
    "dup_line_ratio",
    "dup_paragraph_ratio",
    "dup_line_char_ratio",
    "dup_paragraph_char_ratio",
    "punct_line_ratio",
    "short_line_ratio",
    "code_line_ratio",
    "reference_line_ratio",
    "language_score",
    "language_second_score",
}

PIECES = """
the be and word I'm don't J. U.S. e.g. 3.14 1,000 50% $5 well-known a--b x:y /path https://a.b/c-d me@mail.org
8.8.8.8 2a00:1450::1 … ... .. . , - – — • # ( ) ()) '' " _ __x__ = == + +1 1+2 1-1 { } ; 中 文。 かな 한글 สวัสดี é n't 's
😀 👩‍👩‍👧 a\u0301 lorem ipsum javascript cookie policy
[1] [edit] :) x:) Mr. 5km can't 9a.m. .A 'a'.B --- —— a@b.org/x-y ftp://é.org/a-b
""".split()  # noqa: SIM905
SPACES = ["", " ", "  ", "\n", "\n\n", "\n\n\n", "\t", "\r\n", "\x0b", "\x1c", "\u2028", "\u3000", "\u200b", "\0"]
REAL_PIECES = st.sampled_from(PIECES + SPACES)
TEXTS = st.one_of(
    st.lists(REAL_PIECES, max_size=40).map("".join),
    st.lists(REAL_PIECES, max_size=40).map(" ".join),
    st.lists(st.sampled_from("ab c.\n"), max_size=80).map("".join),  # few letters repeat much
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60),
)
QUIET = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def tables_of(step: Step[Any], config: Any, documents: pa.Table) -> tuple[pa.Table, ...]:
    result = step.function(documents, config)
    return result if isinstance(result, tuple) else (result,)


@given(TEXTS)
@example("")
@example("word")
@example("\n" * 50)
@example("\0\0 \0")
@example("😀" * 30)
@example("x" * 30_000)
@example("ab " * 5_000)
@example(":)" * 500)
@example("a@" * 3_000 + "b-c")
@example("." * 9_000 + "a")
@QUIET
def test_tokens_are_the_plain_ones_and_cover_the_text(text: str) -> None:
    tokens = column_words(text)
    assert tokens == plain_words(text)
    assert "".join(tokens) == "".join(character for character in text if not character.isspace())


@given(TEXTS)
@QUIET
def test_quality_and_repetition_are_the_plain_ones(text: str) -> None:
    tables = heuristics.function(documents_of(["before it", text, "after it"]), HeuristicsConfig())
    for table, plain in zip(tables, (plain_quality, plain_repetition), strict=False):
        assert table.drop_columns("doc_id").to_pylist()[1] == pytest.approx(plain(text), abs=1e-12)


@given(TEXTS)
@settings(QUIET, max_examples=60)
def test_tokens_measured_from_their_places_are_the_same(text: str) -> None:
    texts = pa.array([text, text])
    tokens = tokenize(texts)
    before = np.concatenate([[0], np.cumsum((tokens.data & 0xC0) != 0x80)])
    row = np.repeat([0, 1], tokens.counts)
    start, end = (before[places] - before[tokens.bounds[row]] for places in (tokens.start, tokens.end))
    again = tokens_from_characters(texts, start, end, tokens.offsets)
    for name in ("start", "end", "length", "flags", "hashes"):
        assert getattr(again, name).tolist() == getattr(tokens, name).tolist(), name


@pytest.mark.parametrize("lineage", LINEAGES)
@given(texts=st.lists(TEXTS, max_size=4))
@settings(QUIET, max_examples=40)
def test_the_text_c4_leaves_is_its_lines_without_citation_marks(lineage: str, texts: list[str]) -> None:
    config, array = LINEAGES[lineage], pa.array(texts, pa.string())
    column = column_of(array)
    tokens = tokens_of(column)
    data, bounds, words = text_left(column, line_facts(column, lines_of(column), tokens, config.policy_phrases), config)
    left = [data[start:end].tobytes().decode() for start, end in pairwise(bounds.tolist())]
    assert left == [plain_c4_text(text, config) for text in texts]
    assert words.tolist() == [len(column_words(text)) for text in left]
    marks = {
        (mark["row"], place)
        for mark in citation_spans(array).to_pylist()
        for place in range(mark["start"], mark["end"])
    }
    kept: list[list[str]] = [[] for _ in texts]
    for line in judge_lines(array, config).to_pylist():
        row, text = line["row"], texts[line["row"]]
        assert text[line["line_start"] : line["line_end"]].strip() == text[line["start"] : line["end"]]
        if line["reason"] is None:
            kept[row].append("".join(text[at] for at in range(line["start"], line["end"]) if (row, at) not in marks))
    assert ["\n".join(lines).strip() for lines in kept] == left


@pytest.mark.parametrize(("step", "config"), STEPS, ids=IDS)
@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
@settings(QUIET, max_examples=40)
def test_bounds(step: Step[Any], config: Any, texts: list[str]) -> None:
    for table in tables_of(step, config, documents_of(texts)):
        for name in table.column_names:
            column = table.column(name).drop_null()
            assert table.schema.field(name).nullable or len(column) == table.num_rows
            if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
                assert all(0 <= value < float("inf") for value in column.to_pylist()), name
            if name in BOUNDED:
                assert all(value <= 1 for value in column.to_pylist()), name


@pytest.mark.parametrize(("step", "config"), STEPS, ids=IDS)
@given(texts=st.lists(TEXTS, max_size=6), seed=st.randoms(use_true_random=False), characters=st.integers(1, 60))
@settings(QUIET, max_examples=30)
def test_order_and_slices_do_not_matter(
    step: Step[Any], config: Any, texts: list[str], seed: random.Random, characters: int
) -> None:
    documents = documents_of(texts)
    whole = tables_of(step, config, documents)
    order = list(range(len(texts)))
    seed.shuffle(order)
    ids = documents.column("doc_id").to_pylist()
    shuffled = tables_of(step, config, documents.take(pa.array(order, pa.int64())))
    for table, other in zip(whole, shuffled, strict=True):
        rows = table.to_pylist()
        assert other.to_pylist() == [row for place in order for row in rows if row["doc_id"] == ids[place]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices.map_slices, "__defaults__", (characters,))
        patch.setattr(slices.map_slices_to_many, "__defaults__", (characters,))
        assert [table.to_pylist() for table in tables_of(step, config, documents)] == [
            table.to_pylist() for table in whole
        ]


@given(texts=st.lists(TEXTS, max_size=5))
@QUIET
def test_spans_lie_in_their_texts_and_are_gone_when_replaced(texts: list[str]) -> None:
    documents = documents_of(texts)
    spans = findings.function(documents, findings_config((FindingKind.EMAIL, FindingKind.IP_ADDRESS)))
    ids, column = (documents.column(name).combine_chunks() for name in ("doc_id", "text"))
    by_id = dict(zip(ids.to_pylist(), texts, strict=True))
    last: dict[str, int] = {}
    for span in spans.to_pylist():
        assert last.get(span["doc_id"], 0) <= span["start"] < span["end"] <= len(by_id[span["doc_id"]])
        last[span["doc_id"]] = span["end"]
    edited = replaced(ids, column, spans, {"email": ("[e]",), "ip_address": ("[i]",)})
    for doc_id, text, now in zip(ids.to_pylist(), texts, edited, strict=True):
        found = [span for span in spans.to_pylist() if span["doc_id"] == doc_id]
        assert len(now) == len(text) - sum(span["end"] - span["start"] - 3 for span in found)
        assert now == text or found
