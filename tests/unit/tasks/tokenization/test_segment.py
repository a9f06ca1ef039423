"""Words of nine languages: what each splitter is, and that ours are those of jieba and spaCy."""

from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.tasks.tokenization import segment
from gristmill.tasks.tokenization.chinese_words import dictionary
from gristmill.tasks.tokenization.languages import fineweb2_code, splitters
from gristmill.tasks.tokenization.segment import Words, byte_pieces


def words(code: str, *texts: str) -> list[list[str]]:
    found = splitters()[code].load()(pa.array(texts, pa.string()))
    return strings(found, texts)


def strings(found: Words, texts: Sequence[str]) -> list[list[str]]:
    bounds = list(zip(found.start.tolist(), found.end.tolist(), strict=True))
    assert found.offsets[0] == 0
    assert found.offsets[-1] == len(bounds)
    return [
        [text[start:end] for start, end in bounds[found.offsets[number] : found.offsets[number + 1]]]
        for number, text in enumerate(texts)
    ]


@pytest.fixture(scope="module")
def jieba() -> Any:
    module = import_module("jieba")
    module.setLogLevel(60)
    module.initialize()
    return module


CHINESE = [
    "我来到北京清华大学，小明硕士毕业于中国科学院计算所。",
    "他来到了网易杭研大厦 and C++ 3.14% of x-1_b",
    "乾隆皇帝駕崩於紫禁城養心殿，後葬於裕陵。",
    "工信处女干事每月经过下属科室都要亲口交代24口交换机等技术性器件的安装工作",
    "a.b..c--1.5.2%%中文abc中",
    "\r\n \u3000\t。！？…《》",
    "",
    "𠀀𠀁龦鿕龥々〇",
]


def test_chinese_words_are_jiebas(jieba: Any) -> None:
    assert words("cmn_Hani", *CHINESE) == [[word for word in jieba.cut(text) if word.strip()] for text in CHINESE]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.text(alphabet="的一了是我不在人们有来他这上着个地到大里说就去子得也和那要下看天时过出小ab1.%-+ ，\n"),
        max_size=4,
    )
)
def test_any_chinese_is_cut_as_jieba_cuts_it(jieba: Any, texts: list[str]) -> None:
    assert words("cmn_Hani", *texts) == [[word for word in jieba.cut(text) if word.strip()] for text in texts]


def test_the_dictionary_is_made_once() -> None:
    assert dictionary() is dictionary()


SPACY = {  # what spacy.blank(language) of spaCy 3.8.18 gives
    "deu_Latn": (
        "Z.B. (z.B.) du's, Nr. 3/4 und 5-7; „Haus“-Tür: am 1. Mai usw. https://a.de/b-c Haus/Hof--Tor",
        "Z.B.|(|z.B.|)|du|'s|,|Nr.|3|/|4|und|5|-|7|;|„|Haus“-Tür|:|am|1.|Mai|usw.|https://a.de/b-c|Haus|/|Hof|--|Tor",
    ),
    "fra_Latn": (
        "L'homme d'aujourd'hui va-t-il à après-midi? N'est-ce pas: peut-être 4% l’eau, micro-ondes. J.-C.",
        "L'|homme|d'|aujourd'hui|va|-t|-il|à|après-midi|?|N'|est|-ce|pas|:|peut-être|4|%|l’|eau|,|micro-ondes|.|J.|-C.",
    ),
    "spa_Latn": (
        "EE. UU. y EE.UU. a las 3p.m. ¿Qué? pág. 5, km/h; «sí»—no. 20%",
        "EE. UU.|y|EE.UU.|a|las|3|p.m.|¿|Qué|?|pág.|5|,|km/h|;|«|sí»—no|.|20%",
    ),
    "rus_Cyrl": (
        "Д-р мед. наук и т.д. (2к19 г.) — «да»: 5 кг, 10% т.е. слово-слово",
        "Д|-|р|мед|.|наук|и|т.д.|(|2к19|г.|)|—|«|да|»|:|5|кг|,|10|%|т.е.|слово|-|слово",
    ),
    "arb_Arab": (
        "ق.م كتاب، 5كم (مثال): :) ص.ب 12 الولايات المتحدة.",
        "ق.م|كتاب|،|5|كم|(|مثال|):|:)|ص.ب|12|الولايات|المتحدة|.",
    ),
}


@pytest.mark.parametrize("code", SPACY)
def test_words_are_spacys(code: str) -> None:
    text, expected = SPACY[code]
    assert words(code, text) == [expected.split("|")]


def test_texts_do_not_touch_each_other() -> None:
    assert words("deu_Latn", "Haus", "", "z.", "B.", " \n") == [["Haus"], [], ["z."], ["B."], []]


def test_chunks_are_remembered_between_calls() -> None:
    split = splitters()["spa_Latn"].load()
    texts = ["hola, mundo hola,"]
    first = strings(split(pa.array(texts)), texts)
    assert first == strings(split(pa.array(texts)), texts) == [["hola", ",", "mundo", "hola", ","]]


def test_japanese_korean_and_thai() -> None:
    assert words("jpn_Jpan", "東京都に行った。 はい") == [["東京", "都", "に", "行っ", "た", "。", "はい"]]
    assert words("tha_Thai", "ฉันรักภาษาไทย 1,234") == [["ฉัน", "รัก", "ภาษาไทย", "1,234"]]
    [korean] = words("kor_Hang", "나는 학교에 갔다.")
    assert korean[:3] == ["나", "는", "학교"]
    assert korean[-1] == "."


def test_long_texts_reach_sudachi_in_pieces() -> None:
    text = "吾輩は猫である。" * 3000
    pieces = list(byte_pieces(text, 40_000))
    assert "".join(pieces) == text
    assert len(pieces) == 2
    assert len(pieces[0].encode()) <= 40_000
    assert sum(map(len, words("jpn_Jpan", text)[0])) == len(text)


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("zh", "cmn_Hani"),
        ("cmn_Hani", "cmn_Hani"),
        ("zho_Hant", "cmn_Hani"),
        ("de", "deu_Latn"),
        ("en", None),
        (None, None),
    ],
)
def test_languages_by_any_label(label: str | None, code: str | None) -> None:
    assert fineweb2_code(label) == code


def test_what_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(segment, "version", missing)
    found = {code: splitter.version() for code, splitter in splitters().items()}
    assert found["tha_Thai"] is None
    assert found["deu_Latn"] == "spacy-de"
