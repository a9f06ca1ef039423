"""The languages whose words are known, one row each: all that FineWeb-2's signals need to know about a language.

Source: ``configs/*.yml`` of huggingface/fineweb-2 (Apache-2.0), commit d0defb2, for the codes and stop words, which are
the most frequent words of each language's Wikipedia in their order, punctuation and all: the Chinese list mixes both
scripts and holds the mark ·, the Japanese holds ・, the Arabic ،. datatrove's ``tokenizer_assignment.csv`` for what
splits a language. docs/contributing/new-language.md walks through adding a row.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from gristmill.tasks.text.language_codes import common_code
from gristmill.tasks.tokenization.segment import Splitter, jieba, kiwi, newmm, spacy, sudachi


@dataclass(frozen=True)
class Language:
    """One language. ``code``: FineWeb-2's, of ISO 639-3 and a script. ``name``: in English. ``splitter``: makes what
    finds its words. ``frequent``: its stop words, separated by spaces.
    """

    code: str
    name: str
    splitter: Callable[[], Splitter]
    frequent: str

    @property
    def stop_words(self) -> tuple[str, ...]:
        """The stop words, in FineWeb-2's order."""
        return tuple(self.frequent.split())


LANGUAGES: tuple[Language, ...] = (
    Language("cmn_Hani", "Chinese", jieba, "的 年 在 月 是 和 日 了 於 · 為 有 被 人 中 为 他 與 後 也 而 由"),
    Language("jpn_Jpan", "Japanese", sudachi, "の に を は た て が と で 年 し ・ 月 れ さ"),
    Language("kor_Hang", "Korean", kiwi, "의 다 이 는 에 을 한 년 하 은 를 했 고 에서 가 있 으로 인 월 로 되"),
    Language("tha_Thai", "Thai", newmm, "ใน ที่ และ ของ เป็น มี การ ได้"),
    Language(
        "arb_Arab", "Arabic", spacy("ar"), "، في من على إلى عام أن مع أو هو عن التي كان بين ما كانت هي المتحدة بعد"
    ),
    Language("deu_Latn", "German", spacy("de"), "der und die in von im den des mit das er dem als wurde für"),
    Language("fra_Latn", "French", spacy("fr"), "de la le et à en l' des du les est d' un une il dans par au"),
    Language(
        "rus_Cyrl",
        "Russian",
        spacy("ru"),
        "в и на с года по году из был к не от что за для его как а он также до после",
    ),
    Language("spa_Latn", "Spanish", spacy("es"), "de la en el y a que del los se por un con una las su"),
)


def splitters() -> dict[str, Splitter]:
    """The splitter of each language, by FineWeb-2's code."""
    return {language.code: language.splitter() for language in LANGUAGES}


def stop_words() -> dict[str, tuple[str, ...]]:
    """The stop words of each language, by FineWeb-2's code."""
    return {language.code: language.stop_words for language in LANGUAGES}


def fineweb2_code(label: str | None) -> str | None:
    """FineWeb-2's code for a language by any detector's label (``zh``, ``cmn_Hani``), None for other languages."""
    codes = {common_code(language.code): language.code for language in LANGUAGES}
    return codes.get(common_code(label or ""))


def codes_of(documents: pa.Table, languages: pa.Table) -> pl.Series:
    """FineWeb-2's code of each document, in their order; null for another language or none in ``languages``."""
    rows = pl.DataFrame(languages.select(["doc_id", "language"])).unique("doc_id", keep="first", maintain_order=True)
    named = pl.DataFrame(documents.select(["doc_id"])).join(rows, on="doc_id", how="left", maintain_order="left")
    known = {name: fineweb2_code(name) for name in named["language"].unique().drop_nulls().to_list()}
    return named["language"].replace_strict(known, default=None, return_dtype=pl.String)
