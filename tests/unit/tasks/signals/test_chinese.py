"""Signals of Chinese: both scripts, the half-width view, and every rule by hand."""

import math
from typing import Any

import pyarrow as pa
import pytest

from gristmill.schemas.tables import SignalsChinese
from gristmill.tasks.signals.chinese import chinese, chinese_config, view
from tests.helpers.plain_signals import documents_of

HANS = "我们在北京学习。这是一个很好的地方，也有许多书。"
HANT = "我們在臺北學習。這是一個很好的地方，也有許多書。"


def rows(*texts: str, language: str = "zh") -> list[dict[str, Any]]:
    documents = documents_of(texts)
    languages = pa.table({"doc_id": documents["doc_id"], "language": pa.array([language] * len(texts), pa.string())})
    table = chinese.function(documents, languages, chinese_config())
    assert table.schema.equals(SignalsChinese.schema)
    assert table["doc_id"].to_pylist() == documents["doc_id"].to_pylist()
    return table.drop_columns("doc_id").to_pylist()


@pytest.mark.parametrize(
    ("text", "script"),
    [
        (HANS, "Hans"),
        (HANT, "Hant"),
        (HANS + HANT, "mixed"),
        ("人山人海，天下大同。", "undetermined"),
        ("", "undetermined"),
        ("皇后在后面", "undetermined"),
    ],
)
def test_script(text: str, script: str) -> None:
    assert rows(text)[0]["script"] == script


def test_both_scripts_have_function_words_of_their_own() -> None:
    hans, hant, wrong = rows(HANS, HANT, "於為與這們個說" * 3)
    assert hans["stop_words"] == hant["stop_words"] >= 6
    assert wrong["stop_words"] > 0
    assert rows("·" * 30 + "書籍")[0]["stop_words"] == 0  # FineWeb-2 counts the mark


def test_characters_and_marks() -> None:
    [row] = rows(HANS)
    assert row["characters"] == len(HANS) == 24
    assert row["han_ratio"] == 21 / 24
    assert row["cjk_mark_ratio"] == 3 / 24
    assert row["sentences"] == 2
    assert row["mean_sentence_length"] == 12
    assert row["terminal_line_ratio"] == 1
    assert row["words"] == 14
    assert row["mean_word_length"] == 21 / 14
    assert row["character_entropy"] == pytest.approx(math.log(24) - 3 * 2 / 24 * math.log(2), abs=0.2)


def test_the_view_has_half_width_marks_and_no_links() -> None:
    texts = pa.array(["看。这“里”：https://a.cn/b，以及www.c.com和x.com！", "1.2.3.4 和 d-e.f.g.h"])
    assert view(texts).to_pylist() == ['看.这"里":,以及和x.com!', " 和 "]


@pytest.mark.parametrize(
    ("text", "column", "value"),
    [
        ("【广告】文字文字", "bracket_ratio", 2 / 8),
        ("电话12345号", "digit_ratio", 5 / 8),
        ("①②三", "digit_ratio", 2 / 3),  # NFKC
        ("##a#b", "hash_run_ratio", 2 / 5),
        ("一……二...三.", "ellipsis_run_ratio", 2 / 9),
        ("甲甲甲乙", "unique_character_ratio", 2 / 4),
        ("甲\n乙展开\n更多", "expand_line_ratio", 2 / 3),
        ("•甲\n●乙\n丙", "bullet_line_ratio", 2 / 3),
        ("甲，乙。", "mark_ratio", 2 / 4),
        ("甲。乙！丙？", "sentences", 3),
        ("甲\n甲\n乙", "dup_line_ratio", 2 / 3),
        ("甲甲\n甲甲\n乙", "dup_line_char_ratio", 4 / 5),
        ("好的。”\n标题\n结束！", "terminal_line_ratio", 2 / 3),
    ],
)
def test_by_hand(text: str, column: str, value: float) -> None:
    assert rows(text)[0][column] == pytest.approx(value)


@pytest.mark.parametrize(
    ("line", "leads_on"),
    [
        ("阅读全文", 1),
        ("閱讀全文", 1),
        ("查看更多》", 1),
        ("[Read more]", 1),
        ("未完…", 1),
        ("全文完。", 0),
        ("正文", 0),
    ],
)
def test_read_more(line: str, leads_on: int) -> None:
    assert rows(line)[0]["read_more_line_ratio"] == leads_on


def test_other_languages_are_null() -> None:
    [row] = rows(HANS, language="ja")
    assert set(row.values()) == {None}
    assert rows() == []


def test_texts_do_not_touch_each_other() -> None:
    alone = [rows(text)[0] for text in (HANS, "", HANT, "甲")]
    assert rows(HANS, "", HANT, "甲") == alone
