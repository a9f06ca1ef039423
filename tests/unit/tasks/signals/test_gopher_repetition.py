"""Gopher repetition: every column by hand."""

import pytest

from gristmill.schemas.tables import SignalsGopherRepetition
from tests.helpers.plain_signals import signal_rows


def rows(*texts: str) -> list[dict[str, float]]:
    return signal_rows(SignalsGopherRepetition, texts)


def test_lines_and_paragraphs_by_hand() -> None:
    text = "one two\nabc\n\none two\n\n\nabc\n\nxyz\n"  # 8 + 5 + 10 + 5 + 4 = 32 characters
    # lines between runs of line feeds: "one two" "abc" "one two" "abc" "xyz" "" = 6, two repeat: 7 + 3 characters
    # paragraphs of the stripped text: "one two\nabc" "one two" "abc" "xyz" = 4, none repeats
    [row] = rows(text)
    assert len(text) == 32
    assert row["dup_line_ratio"] == 2 / 6
    assert row["dup_line_char_ratio"] == 10 / 32
    assert row["dup_paragraph_ratio"] == 0
    assert row["dup_paragraph_char_ratio"] == 0


def test_repeated_paragraphs_by_hand() -> None:
    text = "  a b\n\na b\n\n\n\na b\n\nc "  # stripped: "a b" "a b" "a b" "c"
    [row] = rows(text)
    assert row["dup_paragraph_ratio"] == 2 / 4
    assert row["dup_paragraph_char_ratio"] == 6 / len(text)


def test_a_line_feed_at_both_ends_repeats_an_empty_line() -> None:
    [row] = rows("\nfoo\n")  # lines "" "foo" "": upstream's split counts the second empty one
    assert row["dup_line_ratio"] == 1 / 3
    assert row["dup_line_char_ratio"] == 0


def test_most_frequent_n_gram_by_hand() -> None:
    text = "a bb a bb a bb ccc"  # 18 characters
    # 2-grams: "a bb" 3 times (4 characters), "bb a" twice; 3-grams: "a bb a" twice and first, "bb a bb" twice
    # 4-grams: "a bb a bb" twice (9 characters)
    [row] = rows(text)
    assert row["top_2_gram_ratio"] == 3 * 4 / 18
    assert row["top_3_gram_ratio"] == 2 * 6 / 18
    assert row["top_4_gram_ratio"] == 2 * 9 / 18


def test_without_repetition_the_first_n_gram_counts_once() -> None:
    [row, short] = rows("abc de f ghij", "abc de")  # 13 and 6 characters
    assert row["top_2_gram_ratio"] == 6 / 13
    assert row["top_3_gram_ratio"] == 8 / 13
    assert row["top_4_gram_ratio"] == 13 / 13
    assert short["top_2_gram_ratio"] == 1.0
    assert short["top_3_gram_ratio"] == 0.0


def test_repeated_n_grams_by_hand() -> None:
    text = "a b c d e a b c d e a b c d e"  # 15 words, 29 characters
    # 5-grams: a..e and its four rotations are new at words 0 to 4; at word 5 a..e is repeated, jump to 10: again.
    # Two hits of 5 characters. 6-grams: new at 0 to 4, repeated at 5 (abcdea), jump to 11: only 4 words are left.
    # 9-grams: new at 0 to 4, repeated at 5. 10-grams: new at 0 to 4, repeated at 5 (the last).
    [row] = rows(text)
    assert row["dup_5_gram_ratio"] == 10 / 29
    assert row["dup_6_gram_ratio"] == 6 / 29
    assert row["dup_9_gram_ratio"] == 9 / 29
    assert row["dup_10_gram_ratio"] == 10 / 29


def test_what_was_jumped_over_is_not_remembered() -> None:
    # Words 0-4 abcde; 5-9 abcde again (repeated, jumped over: the 5-grams that begin at 6 to 9 are never seen, among
    # them "b c d e x" of word 6); so "b c d e x" at 11 to 15 is new when it comes, and counts only from then on.
    text = "a b c d e a b c d e x b c d e x b c d e x"
    [row] = rows(text)
    # hits: abcde at 5, then bcdex is seen at 11 for the first time (10: xbcde), at 15 xbcde is repeated: hit, to 20
    assert row["dup_5_gram_ratio"] == 10 / len(text)


def test_n_grams_do_not_reach_into_the_next_document() -> None:
    alone = rows("a b c", "d a b c d", "a b c d")
    assert [row["dup_5_gram_ratio"] for row in alone] == [0, 0, 0]
    assert alone[1]["top_4_gram_ratio"] == 7 / 9


@pytest.mark.parametrize("text", ["", "\n\n", "word"])
def test_little_or_nothing(text: str) -> None:
    [row] = rows(text)
    assert row["top_2_gram_ratio"] == row["dup_5_gram_ratio"] == row["dup_paragraph_char_ratio"] == 0


def test_glued_words_are_not_confused() -> None:
    # Joined without spaces the second five words equal the first five; as words they do not, so nothing repeats.
    [row] = rows("1 10 1 1 1 | 11 0 1 1 1")
    assert row["dup_5_gram_ratio"] == 0
