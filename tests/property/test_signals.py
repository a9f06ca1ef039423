"""Laws of the signals on any text: bounds, independence of order and of slices, agreement with the plain versions."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tasks import slices
from tasks.c4 import C4Config, c4
from tasks.domain import DomainConfig, domain
from tasks.fineweb import FineWebConfig, fineweb
from tasks.gopher_quality import GopherQualityConfig, gopher_quality
from tasks.gopher_repetition import GopherRepetitionConfig, gopher_repetition
from tasks.language import language, language_config
from tasks.pii import PiiConfig, pii, redact_spans
from tests.helpers.plain_signals import column_words, documents_of, plain_quality, plain_repetition, plain_words

STEPS = [
    (gopher_quality, GopherQualityConfig()),
    (gopher_repetition, GopherRepetitionConfig()),
    (c4, C4Config()),
    (fineweb, FineWebConfig()),
    (domain, DomainConfig()),
    (language, language_config()),
    (pii, PiiConfig()),
]
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


@given(TEXTS)
@example("")
@example("word")
@example("\n" * 50)
@example("\0\0 \0")
@example("😀" * 30)
@example("x" * 30_000)
@example("ab " * 5_000)
@QUIET
def test_tokens_are_the_plain_ones_and_cover_the_text(text: str) -> None:
    tokens = column_words(text)
    assert tokens == plain_words(text)
    covered = "".join(tokens)
    assert covered == "".join(
        character for character in text if not character.isspace() and character not in "\u200b\ufeff"
    )


@given(TEXTS)
@QUIET
def test_quality_and_repetition_are_the_plain_ones(text: str) -> None:
    documents = documents_of(["before it", text, "after it"])
    for step, config, plain in (
        (gopher_quality, GopherQualityConfig(), plain_quality),
        (gopher_repetition, GopherRepetitionConfig(), plain_repetition),
    ):
        row = step.function(documents, config).slice(1, 1).drop_columns("doc_id").to_pylist()[0]
        assert row == pytest.approx(plain(text), abs=1e-12)


@pytest.mark.parametrize(("step", "config"), STEPS, ids=IDS)
@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
@settings(QUIET, max_examples=40)
def test_bounds(step: Any, config: Any, texts: list[str]) -> None:
    table: pa.Table = step.function(documents_of(texts), config)
    for name in table.column_names:
        column = table.column(name)
        assert column.null_count == 0
        if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
            assert all(0 <= value < float("inf") for value in column.to_pylist()), name
        if name in BOUNDED:
            assert all(value <= 1 for value in column.to_pylist()), name


@pytest.mark.parametrize(("step", "config"), STEPS, ids=IDS)
@given(texts=st.lists(TEXTS, max_size=6), seed=st.randoms(use_true_random=False), characters=st.integers(1, 60))
@settings(QUIET, max_examples=30)
def test_order_and_slices_do_not_matter(step: Any, config: Any, texts: list[str], seed: Any, characters: int) -> None:
    documents = documents_of(texts)
    whole = step.function(documents, config)
    order = list(range(len(texts)))
    seed.shuffle(order)
    shuffled = step.function(documents.take(pa.array(order, pa.int64())), config)
    rows = {row["doc_id"]: row for row in documents.select(["doc_id"]).to_pylist()}
    expected = [row for place in order for row in whole.to_pylist() if row["doc_id"] == list(rows)[place]]
    assert shuffled.to_pylist() == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices.map_slices, "__defaults__", (characters,))
        assert step.function(documents, config).to_pylist() == whole.to_pylist()


@given(texts=st.lists(TEXTS, max_size=5))
@QUIET
def test_spans_lie_in_their_texts_and_are_gone_when_replaced(texts: list[str]) -> None:
    documents = documents_of(texts)
    spans = pii.function(documents, PiiConfig())
    ids, column = (documents.column(name).combine_chunks() for name in ("doc_id", "text"))
    by_id = dict(zip(ids.to_pylist(), texts, strict=True))
    last: dict[str, int] = {}
    for span in spans.to_pylist():
        assert last.get(span["doc_id"], 0) <= span["start"] < span["end"] <= len(by_id[span["doc_id"]])
        last[span["doc_id"]] = span["end"]
    replaced = redact_spans(ids, column, spans, {"email": ("[e]",), "ip_address": ("[i]",)}).to_pylist()
    for doc_id, text, now in zip(ids.to_pylist(), texts, replaced, strict=True):
        found = [span for span in spans.to_pylist() if span["doc_id"] == doc_id]
        assert len(now) == len(text) - sum(span["end"] - span["start"] - 3 for span in found)
        assert now == text or found
