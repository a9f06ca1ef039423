"""Gopher quality: every column by hand."""

import pytest

from gristmill.core.errors import UsageError
from gristmill.schemas.tables import SignalsGopherQuality
from gristmill.tasks.signals.gopher_quality import GopherQualityConfig
from gristmill.tasks.signals.heuristics import HeuristicsConfig
from gristmill.tasks.tokenization.words import is_one_token
from tests.helpers.plain_signals import signal_rows


def rows(*texts: str, config: GopherQualityConfig | None = None) -> list[dict[str, float]]:
    return signal_rows(SignalsGopherQuality, texts, gopher_quality=config or GopherQualityConfig())


def test_every_column_by_hand() -> None:
    text = "# The cat, and the dog...\n- be with 42!\n  • that of…  \n\nto have"
    # tokens: # The cat , and the dog ... - be with 42 ! • that of … to have = 19
    # words, holding something else than symbols: all but # , ... - ! … ; • is no symbol upstream: 13
    # their characters: The3 cat3 and3 the3 dog3 be2 with4 42=2 •1 that4 of2 to2 have4 = 36
    # with a letter: all words but 42 and • = 11
    # lines (splitlines): 5, of which one is empty; bullets: "- be", "  •"; ending in an ellipsis: the 1st and the 3rd
    # distinct stop words: and the be with that of to have = 8
    [row] = rows(text)
    assert row == {
        "words": 13,
        "mean_word_length": 36 / 13,
        "hash_word_ratio": 1 / 19,
        "ellipsis_word_ratio": 2 / 19,
        "bullet_line_ratio": 2 / 5,
        "ellipsis_line_ratio": 2 / 5,
        "alpha_word_ratio": 11 / 19,
        "stop_words": 8,
    }


def test_nothing_gives_zeros() -> None:
    zeros = dict.fromkeys(SignalsGopherQuality.schema.names[1:], 0)
    assert rows("", " \t ") == [zeros, zeros]


def test_ratios_of_symbols_may_exceed_one() -> None:
    # one token "......" holds two ellipses; "a###" is the word a and three marks, each a token
    [dots, hashes] = rows("......", "a###")
    assert dots["ellipsis_word_ratio"] == 2.0
    assert hashes["hash_word_ratio"] == 3 / 4
    assert dots["words"] == 0
    assert dots["mean_word_length"] == 0


def test_lines_end_where_python_says() -> None:
    # \r\n is one break; \x0b, \x1c and U+2028 break too: lines "a...", "b", "c...", "d", "e" and no sixth
    [row] = rows("a...\r\nb\x0bc...\x1cd\u2028e\n")
    assert row["ellipsis_line_ratio"] == 2 / 5


def test_stop_words_match_case_and_all_and_once() -> None:
    [row] = rows("The THE the the Of to,to")
    assert row["stop_words"] == 2  # the, to


def test_every_stop_word_of_the_default_can_match() -> None:
    assert [word for word in GopherQualityConfig().stop_words if not is_one_token(word)] == []


def test_config_changes_stop_words_and_bullets() -> None:
    config = GopherQualityConfig(stop_words=("的", "是"), bullets=("*",))
    [row] = rows("这 是 我 的 书\n* 一\n- 二", config=config)
    assert row["stop_words"] == 2
    assert row["bullet_line_ratio"] == 1 / 3


def test_a_stop_word_that_can_never_match_is_refused() -> None:
    with pytest.raises(UsageError, match="'of the' can never match"):
        HeuristicsConfig.parse({"gopher_quality": {"stop_words": ["of the"]}}, "policy")
