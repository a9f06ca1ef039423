"""FineWeb-2's signals: words and stop words of the document's language, null for others, errors that say the hint."""

from typing import Any

import pyarrow as pa
import pytest

from gristmill.core.errors import UsageError
from gristmill.schemas.tables import SIGNALS, SignalsFineWeb2
from gristmill.tasks.filtering.decide import DecideConfig, decide
from gristmill.tasks.filtering.policy import load_policy
from gristmill.tasks.filtering.splitters import refuse_missing_splitters
from gristmill.tasks.signals.fineweb2 import FineWeb2Config, fineweb2, fineweb2_config
from gristmill.tasks.tokenization.languages import stop_words
from tests.helpers.plain_signals import documents_of

GERMAN = "Der Hund und die Katze.\nDer Hund und die Katze.\n- Ende…"
CHINESE = "我们在北京。他们是学生，也是老师。"


def rows(*texts: tuple[str, str | None], config: FineWeb2Config | None = None) -> list[dict[str, Any]]:
    documents = documents_of([text for text, _ in texts])
    named = [(key, name) for key, (_, name) in zip(documents["doc_id"].to_pylist(), texts, strict=True) if name]
    columns = (pa.array([pair[place] for pair in named], pa.string()) for place in (0, 1))
    languages = pa.table(dict(zip(("doc_id", "language"), columns, strict=True)))
    table = fineweb2.function(documents, languages, config or fineweb2_config())
    assert table.schema.equals(SignalsFineWeb2.schema)
    assert table["doc_id"].to_pylist() == documents["doc_id"].to_pylist()
    return table.drop_columns("doc_id").to_pylist()


def test_german_by_hand() -> None:
    # tokens: Der Hund und die Katze . (twice), - Ende…  -> spaCy leaves "…" a token of its own
    [row] = rows((GERMAN, "de"))
    assert row["unit"] == "spacy-de"
    assert row["words"] == 11  # two times five, and Ende
    assert row["mean_word_length"] == pytest.approx((2 * (3 + 4 + 3 + 3 + 5) + 4) / 11)
    assert row["alpha_word_ratio"] == pytest.approx(11 / 15)
    assert row["stop_words"] == 2  # und, die; "Der" is not "der"
    assert row["ellipsis_word_ratio"] == pytest.approx(1 / 15)
    assert row["bullet_line_ratio"] == row["ellipsis_line_ratio"] == row["dup_line_ratio"] == pytest.approx(1 / 3)
    assert row["punct_line_ratio"] == pytest.approx(2 / 3)  # an ellipsis is no terminal mark
    assert row["newline_word_ratio"] == pytest.approx(2 / 15)
    assert row["dup_line_char_ratio"] == pytest.approx(23 / (len(GERMAN) - 2))


def test_chinese_words_are_jiebas_and_its_stop_words_count() -> None:
    [row] = rows((CHINESE, "cmn_Hani"))
    assert row["unit"] == "jieba"
    assert row["words"] == 9  # 我们 在 北京 他们 是 学生 也 是 老师
    assert row["stop_words"] == 3  # 在 是 也


def test_others_are_null_and_rows_stay_in_order() -> None:
    found = rows((GERMAN, "en"), (CHINESE, "zh"), (GERMAN, None), (GERMAN, "deu_Latn"))
    assert [row["unit"] for row in found] == ["none", "jieba", "none", "spacy-de"]
    for row in (found[0], found[2]):
        assert all(value is None for name, value in row.items() if name != "unit")
    assert found[3] == rows((GERMAN, "de"))[0]


def test_empty_texts_and_no_rows() -> None:
    [row] = rows(("", "fr"))
    assert row["words"] == 0
    assert row["alpha_word_ratio"] == 0
    assert rows() == []


def test_a_language_without_its_splitter_is_null() -> None:
    [row] = rows((GERMAN, "de"), config=FineWeb2Config(splitters={"fra_Latn": "spacy-fr"}))
    assert row["unit"] == "none"
    assert row["words"] is None


def test_another_splitter_than_the_config_says_is_refused() -> None:
    with pytest.raises(UsageError, match="pip install"):
        rows((GERMAN, "de"), config=FineWeb2Config(splitters={"deu_Latn": "spacy-de 9"}))


def test_presets_without_their_splitter_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "gristmill.tasks.filtering.splitters.fineweb2_config", lambda: FineWeb2Config(splitters={"cmn_Hani": "jieba"})
    )
    refuse_missing_splitters(load_policy("zh-web"))
    refuse_missing_splitters(load_policy("fineweb@code"))
    with pytest.raises(UsageError, match=r"tha_Thai.*pip install 'gristmill\[languages\]'"):
        refuse_missing_splitters(load_policy("fineweb2@tha_Thai"))


def test_stop_words_are_fineweb2s() -> None:
    assert stop_words()["cmn_Hani"][:3] == ("的", "年", "在")
    assert "·" in stop_words()["cmn_Hani"]
    assert {code: len(words) for code, words in stop_words().items()} == {
        "cmn_Hani": 22,
        "jpn_Jpan": 15,
        "kor_Hang": 21,
        "tha_Thai": 8,
        "arb_Arab": 19,
        "deu_Latn": 15,
        "fra_Latn": 18,
        "rus_Cyrl": 22,
        "spa_Latn": 16,
    }


def test_the_preset_judges_by_them() -> None:
    documents = documents_of([CHINESE * 40, CHINESE])
    languages = pa.table({"doc_id": documents["doc_id"], "language": ["zh", "zh"]})
    table = fineweb2.function(documents, languages, fineweb2_config())
    policy = load_policy("fineweb2@cmn_Hani")
    spoken = tuple(rule for rule in policy.rules if not rule.signal.startswith("language."))
    judge = DecideConfig(policy=policy.model_copy(update={"rules": spoken}))
    signals = {one.name: one.schema.empty_table() for one in SIGNALS} | {SignalsFineWeb2.name: table}
    ledger = decide.function(documents, signals, judge).to_pylist()
    failed = {row["rule"] for row in ledger if row["doc_id"] == documents["doc_id"][0].as_py()}
    assert "gopher_dup_5_gram" in failed
    assert "gopher_words" not in failed
    short = {row["rule"] for row in ledger if row["doc_id"] == documents["doc_id"][1].as_py()}
    assert "gopher_words" in short
    assert "gopher_dup_5_gram" not in short
