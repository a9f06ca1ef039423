"""FineWeb's signals: every column by hand."""

import pyarrow as pa
import pytest

from gristmill.schemas.tables import SignalsFineWeb
from gristmill.tasks.signals.fineweb import FineWebConfig, fineweb_columns
from gristmill.tasks.tokenization.words import tokenize
from tests.helpers.plain_signals import signal_rows


def rows(*texts: str, config: FineWebConfig | None = None) -> list[dict[str, float]]:
    """The columns of texts as they are, as FineWeb-2 measures them."""
    array = pa.array(texts, pa.string())
    columns = fineweb_columns(array, tokenize(array), config or FineWebConfig())
    assert [*columns] == SignalsFineWeb.schema.names[1:]
    return pa.table(columns).to_pylist()


def test_every_column_by_hand() -> None:
    long = "A line of more than thirty characters."  # 38 characters, 8 tokens
    text = f"{long}\n \nShort one\n{long}\nWhat? \n\nShort one\n"
    # lines with more than white space: long, Short one, long, "What? ", Short one = 5
    # ending in terminal punctuation: the two long ones ("What? " ends in a space)
    # short: 3; repeated: the second long (38) and the second "Short one" (9)
    # line feeds: 7; characters without them: 38 + 1 + 9 + 38 + 6 + 9 = 101; tokens: 8 + 2 + 8 + 2 + 2 = 22
    assert rows(text) == [
        {
            "punct_line_ratio": 2 / 5,
            "short_line_ratio": 3 / 5,
            "dup_line_char_ratio": 47 / 101,
            "newline_word_ratio": 7 / 22,
        }
    ]


@pytest.mark.parametrize(("length", "short"), [(30, 1.0), (31, 0.0)])
def test_thirty_characters_are_short(length: int, short: float) -> None:
    assert rows("é" * length)[0]["short_line_ratio"] == short


@pytest.mark.parametrize(("line", "ends"), [("好。", 1.0), ("ठीक।", 1.0), ("ok:", 0.0), ("ok”", 0.0), ("ok!", 1.0)])
def test_terminal_punctuation_of_any_script(line: str, ends: float) -> None:
    assert rows(line)[0]["punct_line_ratio"] == ends


def test_config() -> None:
    config = FineWebConfig(short_line_characters=2, stop_characters=";")
    [row] = rows("ab;\nab", config=config)
    assert (row["punct_line_ratio"], row["short_line_ratio"]) == (0.5, 0.5)


def test_nothing() -> None:
    zeros = dict.fromkeys(SignalsFineWeb.schema.names[1:], 0.0)
    assert rows("", "\n \n") == [zeros, zeros]


def test_the_step_measures_the_text_that_c4_leaves() -> None:
    text = (
        "A line that stays [1] here.\n"
        "Two words\n"
        "This one needs javascript.\n"
        "  A line that stays  here.\r\n"
        "No mark at all\n"
    )
    # left: "A line that stays  here.", the same again, "No mark at all": 24 + 24 + 14 characters, 6 + 6 + 4 tokens
    assert signal_rows(SignalsFineWeb, [text]) == [
        {
            "punct_line_ratio": 2 / 3,
            "short_line_ratio": 1.0,
            "dup_line_char_ratio": 24 / 62,
            "newline_word_ratio": 2 / 16,
        }
    ]


def test_a_text_of_which_c4_leaves_nothing_has_zeros() -> None:
    assert signal_rows(SignalsFineWeb, ["Two words", ""]) == [dict.fromkeys(SignalsFineWeb.schema.names[1:], 0.0)] * 2
