"""RefinedWeb's signals and line edits, case by case; tests/golden/test_presets_refinedweb.py has DCLM itself."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.core.table import conform
from gristmill.schemas.tables import SignalsRefinedWeb
from gristmill.tasks.kernels.ngrams.word_repeats import LONGEST, repeated_characters
from gristmill.tasks.signals.line_rules.refinedweb import edit_lines
from gristmill.tasks.signals.refinedweb import RefinedWebConfig, refinedweb


def signals(*texts: str) -> list[dict[str, Any]]:
    ids = [f"{number:032x}" for number in range(len(texts))]
    documents = pa.table({"doc_id": ids, "text": pa.array(texts, pa.string())})
    return conform(SignalsRefinedWeb, refinedweb.function(documents, RefinedWebConfig())).to_pylist()


def left(text: str) -> tuple[list[tuple[str, str, int]], str]:
    """What is cut out of a text, with reason and number of lines, and what then is left."""
    edited = edit_lines(pa.array([text]))
    cuts = [
        (text[start:end], reason, lines)
        for _, start, end, lines, reason in edited.cuts.select(
            "document", "start", "end", "lines", "reason"
        ).iter_rows()
    ]
    gone = {
        place
        for _, start, end, _, _ in edited.cuts.select("document", "start", "end", "lines", "reason").iter_rows()
        for place in range(start, end)
    }
    return cuts, "".join(character for place, character in enumerate(text) if place not in gone).strip()


def test_words_are_of_three_kinds() -> None:
    (row,) = signals('"Well, the mill (of 1850) stood. #1 # … The the\u00a0end --')
    # by fastText: the, mill, 1850), stood., The, the_end and not "Well, and (of, for their first characters are marks
    assert row["words"] == 6
    assert row["mean_word_length"] == pytest.approx((6 + 3 + 4 + 3 + 5 + 6 + 2 + 1 + 1 + 3 + 3 + 3 + 2) / 13)
    assert row["symbol_word_ratio"] == pytest.approx(3 / 13)
    assert row["non_alpha_word_ratio"] == pytest.approx(5 / 13)  # 1850) #1 # … --
    assert row["stop_words"] == 3  # the The the; (of is no stop word


def test_stop_words_count_with_repeats_also_side_by_side() -> None:
    assert signals("of the of the\nof")[0]["stop_words"] == 5


def test_lines_and_paragraphs_count_every_occurrence() -> None:
    (row,) = signals("- one\n  same\n\nsame \n* two ...\nend . . .\n\nlast")
    assert row["bullet_line_ratio"] == pytest.approx(2 / 6)
    assert row["ellipsis_line_ratio"] == pytest.approx(2 / 6)
    assert row["dup_line_ratio"] == pytest.approx(2 / 6)
    assert row["dup_line_char_ratio"] == pytest.approx(8 / (5 + 4 + 4 + 9 + 9 + 4))
    assert row["dup_paragraph_ratio"] == 0
    (row,) = signals("a b\n\nx\n\na b")
    assert row["dup_paragraph_ratio"] == pytest.approx(2 / 3)
    assert row["dup_paragraph_char_ratio"] == pytest.approx(6 / 7)


def test_n_grams_follow_unicode_word_boundaries() -> None:
    (row,) = signals("don't stop. Don't! don't stop, 3.14 x_1")
    # don't stop Don't don't stop 3.14 x_1: 5 4 5 5 4 4 3 characters; "don't stop" occurs twice
    assert row["top_2_gram_ratio"] == pytest.approx(2 * 9 / 30)
    assert row["top_3_gram_ratio"] == 0
    (row,) = signals("谷物磨粉谷物磨粉")  # a Han character is a word
    assert row["top_2_gram_ratio"] == pytest.approx(2 * 2 / 8)
    assert row["top_4_gram_ratio"] == pytest.approx(2 * 4 / 8)
    assert row["dup_5_gram_ratio"] == 0


def test_words_in_repeated_n_grams_count_once() -> None:
    (row,) = signals("a b c d e f a b c d e f g")
    assert row["dup_5_gram_ratio"] == pytest.approx(12 / 13)
    assert row["dup_6_gram_ratio"] == pytest.approx(12 / 13)
    assert row["dup_7_gram_ratio"] == 0


def test_an_empty_page_and_one_without_words() -> None:
    empty, marks = signals("", "--- ... !!!")
    assert {value for name, value in empty.items() if name not in ("doc_id", "removed_word_ratio")} == {0}
    assert (empty["removed_word_ratio"], marks["words"]) == (1, 0)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("BREAKING news NOW", "uppercase"),
        ("12345", "numeric"),
        ("①②③", "numeric"),
        ("1,234K Likes!", "counter"),
        ("* 12 comments", "counter"),
        ("word", "short_line"),
        ("Items in cart", "items_in_cart"),
        ("  ", "short_line"),
    ],
)
def test_a_line_goes_with_its_reason(line: str, reason: str) -> None:
    cuts, text = left(f"Some words stay here.\n{line}\nAnd some more.")
    assert cuts == [(f"{line}\n", reason, 1)]
    assert text == "Some words stay here.\nAnd some more."


@pytest.mark.parametrize("line", ["Half UP ok", "12 mills", "12 likes of him", "two words", "12 3a", "谷物 磨成"])
def test_a_line_stays(line: str) -> None:
    assert left(f"Some words stay here.\n{line}")[0] == []


def test_phrases_go_from_short_lines_only() -> None:
    assert left("one two items in cart three") == ([(" items in cart", "items_in_cart", 0)], "one two three")
    assert left("The story goes on. Read more...") == ([(" Read more...", "read_more", 0)], "The story goes on.")
    assert left("Sign-in to the mill") == ([("Sign-in ", "sign_in", 0)], "to the mill")
    long = "one two three four five six seven eight nine Read more..."
    assert left(long) == ([], long)
    assert left("items in cart now Read more...")[1] == "now"


def test_addresses_and_runs_of_blank_lines_go_before_anything_is_judged() -> None:
    cuts, text = left("In the www.mill.org/a beginning\n\n\n\nhttp://x.com 127.0.0.1 stood two mills")
    assert cuts == [
        (" www.mill.org/a", "url", 0),
        ("\n\n\n\nhttp://x.com", "url", 0),
        (" 127.0.0.1", "ip_address", 0),
    ]
    assert text == "In the beginning stood two mills"
    assert left("a b\n\n\n\nc d") == ([("\n", "blank_line", 1)] * 2, "a b\n\nc d")
    assert left("A mill at www.mill.org stays, upstream looks at pages that begin with a domain")[0] == []
    assert left("A mill at 127.0.0.1 goes, wherever it is")[1] == "A mill at goes, wherever it is"


def test_removed_words() -> None:
    kept, gone, none = signals(
        "one two three four\nLOUD LINE\nfive six", "ALL OF IT\nIS LOUD", "one two three four five six"
    )
    assert kept["removed_word_ratio"] == pytest.approx(2 / 8)
    assert (gone["removed_word_ratio"], none["removed_word_ratio"]) == (1, 0)


LINES = st.lists(
    st.sampled_from(
        [
            "a b c",
            "LOUD",
            "12",
            "3 likes",
            "",
            "",
            "www.x.com it",
            "It is www.x.com",
            "é 谷 🙂",
            "Read more...",
            "Sign-in",
        ]
    ),
    max_size=8,
).map("\n".join)


@given(texts=st.lists(LINES, max_size=4))
@settings(deadline=None, max_examples=80)
def test_cuts_leave_exactly_what_the_edits_leave(texts: list[str]) -> None:
    edited = edit_lines(pa.array(texts, pa.string()))
    for number, text in enumerate(texts):
        cuts = edited.cuts.filter(document=number).select("start", "end").rows()
        gone = {place for start, end in cuts for place in range(start, end)}
        assert all(0 <= start < end <= len(text) for start, end in cuts)
        rest = "".join(character for place, character in enumerate(text) if place not in gone).strip()
        lines = edited.lines.filter(document=number)
        assert rest == "\n".join(lines["left"].drop_nulls()).strip()


@given(words=st.lists(st.lists(st.integers(0, 3), max_size=40), max_size=4))
@settings(deadline=None, max_examples=50)
def test_repeats_equal_counting_by_hand(words: list[list[int]]) -> None:
    flat = pa.array([word for document in words for word in document], pa.int64()).to_numpy(zero_copy_only=False)
    offsets = pa.array([sum(map(len, words[:end])) for end in range(len(words) + 1)]).to_numpy()
    ratios = repeated_characters((flat + 7).astype("uint64"), flat + 1, offsets)
    for document, row in zip(words, ratios, strict=True):
        assert row.tolist() == pytest.approx([by_hand(document, n) for n in range(2, LONGEST + 1)])


def by_hand(words: list[int], n: int) -> float:
    grams = [tuple(words[place : place + n]) for place in range(len(words) - n + 1)]
    times = {gram: grams.count(gram) for gram in grams}
    total = sum(word + 1 for word in words)
    most = max(times.values(), default=1)
    if most == 1:
        return 0.0
    if n <= 4:
        return most * max(sum(word + 1 for word in gram) for gram, count in times.items() if count == most) / total
    inside = {place + k for place, gram in enumerate(grams) if times[gram] > 1 for k in range(n)}
    return sum(words[place] + 1 for place in inside) / total
