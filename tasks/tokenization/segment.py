"""Words of the languages that FineWeb-2's filters are set for, as datatrove 0.10 splits them.

Source: datatrove ``utils/word_tokenizers.py`` and ``assets/tokenizer_assignment.csv``. Chinese: jieba, compiled
(``chinese_words``). Arabic, French, German, Russian, Spanish: spaCy's rules (``spacy_words``). Japanese: Sudachi in
mode A, given pieces of at most 40,000 bytes, as upstream does. Korean: Kiwi with its model sbg (gone from kiwipiepy
0.22; a later one uses cong, and says so in the unit). Thai: PyThaiNLP's newmm-safe. The last three are the extra
``languages`` and loops inside third-party splitters; docs/languages.md has the speed of each. Words of white space
are left out.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.tasks.text.language_codes import common_code
from gristmill.tasks.tokenization import chinese_words
from gristmill.tasks.tokenization.spacy_words import Cutter

Places = npt.NDArray[np.int64]
Pairs = Iterator[tuple[int, int]]

HINT = "pip install 'gristmill[languages]'"
SUDACHI_BYTES = 40_000
LONG_NUMBER = re.compile("[0-9,]{20,}")  # upstream takes these out before Kiwi sees the text

LANGUAGES: dict[str, str] = {
    "zh": "cmn_Hani",
    "ja": "jpn_Jpan",
    "ko": "kor_Hang",
    "th": "tha_Thai",
    "ar": "arb_Arab",
    "de": "deu_Latn",
    "fr": "fra_Latn",
    "ru": "rus_Cyrl",
    "es": "spa_Latn",
}  # FineWeb-2's code of each language


@dataclass(frozen=True)
class Words:
    """Words of several texts: ``start`` and ``end`` in code points of the word's own text, ``offsets`` texts + 1."""

    start: Places
    end: Places
    offsets: Places


Split = Callable[[pa.Array], Words]


@dataclass(frozen=True)
class Splitter:
    """How one language is split. ``load`` gives a function for one thread; ``packages`` are what it needs."""

    unit: str
    packages: tuple[str, ...]
    load: Callable[[], Split]

    def version(self) -> str | None:
        """Name and version of what splits, as it enters the cache key; None when it is not installed."""
        try:
            return " ".join([self.unit, *(f"{package} {version(package)}" for package in self.packages)])
        except PackageNotFoundError:
            return None


def chinese() -> Split:
    """jieba's words."""

    def split(texts: pa.Array) -> Words:
        _, codes, bounds = joined(texts)
        start, end, _ = chinese_words.cut(codes, bounds)
        return _words(start, end, bounds)

    return split


def by_spacy(language: str) -> Callable[[], Split]:
    """spaCy's tokens in one of ``spacy_rules.LANGUAGES``."""

    def load() -> Split:
        cutter = Cutter(language)

        def split(texts: pa.Array) -> Words:
            text, codes, bounds = joined(texts, "\n")
            start, end = cutter.cut(text, codes)
            return _words(start, end, bounds)

        return split

    return load


def japanese() -> Split:
    """Sudachi's shortest units (mode A)."""
    sudachi: Any = import_module("sudachipy")
    dictionary = sudachi.Dictionary()
    make = getattr(dictionary, "tokenizer", None) or dictionary.create  # SudachiPy 0.7 renamed it
    tokenizer = make(mode=sudachi.SplitMode.A)

    def pairs(text: str) -> Pairs:
        place = 0
        for piece in byte_pieces(text, SUDACHI_BYTES):
            for morpheme in tokenizer.tokenize(piece):
                yield place + morpheme.begin(), place + morpheme.end()
            place += len(piece)

    return _each(pairs)


def korean() -> Split:
    """Kiwi's morphemes. Where a syllable holds two, both have the place of that syllable, as upstream counts them.

    Upstream takes long numbers out of what Kiwi sees and then cuts the text that still has them, so that words after
    such a number are shifted; that is followed here, since its thresholds were set so.
    """
    kiwi: Any = import_module("kiwipiepy").Kiwi(model_type=kiwi_model())

    def pairs(text: str) -> Pairs:
        for token in kiwi.tokenize(LONG_NUMBER.sub("", text)):
            yield token.start, token.end

    return _each(pairs)


def kiwi_model() -> str:
    """The model that datatrove names, where the installed kiwipiepy still has it."""
    try:
        release = tuple(map(int, version("kiwipiepy").split(".")[:2]))
    except PackageNotFoundError:
        return "sbg"
    return "sbg" if release < (0, 22) else "cong"


def thai() -> Split:
    """PyThaiNLP's words by its dictionary (newmm-safe), numbers put together."""
    word_tokenize: Any = import_module("pythainlp.tokenize").word_tokenize

    def pairs(text: str) -> Pairs:
        place = 0
        for word in word_tokenize(text, keep_whitespace=False, engine="newmm-safe"):
            place = text.index(word, place)
            yield place, place + len(word)
            place += len(word)

    return _each(pairs)


def splitters() -> dict[str, Splitter]:
    """The splitter of each language, by FineWeb-2's code."""
    return {
        "cmn_Hani": Splitter("jieba", ("jieba",), chinese),
        "jpn_Jpan": Splitter("sudachi-a", ("sudachipy", "sudachidict_core"), japanese),
        "kor_Hang": Splitter(f"kiwi-{kiwi_model()}", ("kiwipiepy", "kiwipiepy_model"), korean),
        "tha_Thai": Splitter("newmm", ("pythainlp",), thai),
        "arb_Arab": Splitter("spacy-ar", (), by_spacy("ar")),
        "deu_Latn": Splitter("spacy-de", (), by_spacy("de")),
        "fra_Latn": Splitter("spacy-fr", (), by_spacy("fr")),
        "rus_Cyrl": Splitter("spacy-ru", (), by_spacy("ru")),
        "spa_Latn": Splitter("spacy-es", (), by_spacy("es")),
    }


def fineweb2_code(language: str | None) -> str | None:
    """FineWeb-2's code for a language by any detector's label (``zh``, ``cmn_Hani``), None for other languages."""
    return LANGUAGES.get(common_code(language or ""))


def codes_of(documents: pa.Table, languages: pa.Table) -> pl.Series:
    """FineWeb-2's code of each document, in their order; null for another language or none in ``languages``."""
    rows = pl.DataFrame(languages.select(["doc_id", "language"])).unique("doc_id", keep="first", maintain_order=True)
    named = pl.DataFrame(documents.select(["doc_id"])).join(rows, on="doc_id", how="left", maintain_order="left")
    known = {name: fineweb2_code(name) for name in named["language"].unique().drop_nulls().to_list()}
    return named["language"].replace_strict(known, default=None, return_dtype=pl.String)


def joined(texts: pa.Array, mark: str = "") -> tuple[str, npt.NDArray[np.uint32], Places]:
    """The texts with ``mark`` after each, their code points, and where each begins; the last bound is the end."""
    one_list = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts)
    text: str = pc.binary_join(one_list, mark)[0].as_py() + mark
    bounds = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(pc.utf8_length(texts).to_numpy(zero_copy_only=False).astype(np.int64) + len(mark), out=bounds[1:])
    return text, np.frombuffer(text.encode("utf-32-le"), np.uint32), bounds


def byte_pieces(text: str, limit: int) -> Iterator[str]:
    """Pieces of at most ``limit`` bytes of UTF-8, cut where datatrove's ``chunk_text_on_bytes`` cuts.

    It guesses a length from the mean size of a character, takes ten characters off while the piece is too long, adds
    ten while it is too short, and keeps a lowered guess for the next piece.
    """
    sizes = [0, *accumulate(len(character.encode()) for character in text)]
    guess = int(max(limit * len(text) / sizes[-1] - 10, 1)) if text else 1
    first = 0
    while first < len(text):
        stop = min(first + guess, len(text))
        if sizes[stop] - sizes[first] > limit:
            guess = max(guess - 10, 1)
            continue
        while sizes[stop] - sizes[first] < limit and stop < len(text):
            stop = min(stop + 10, len(text))
        if sizes[stop] - sizes[first] > limit:
            stop -= 10
        yield text[first:stop]
        first = stop


def _words(start: Places, end: Places, bounds: Places) -> Words:
    """Words from places in the joined text."""
    offsets = np.searchsorted(start, bounds)
    base = np.repeat(bounds[:-1], np.diff(offsets))
    return Words(start - base, end - base, offsets.astype(np.int64))


def _each(pairs: Callable[[str], Pairs]) -> Split:
    """A splitter of many texts from one of a single text; white space at the ends of a word does not count."""

    def split(texts: pa.Array) -> Words:
        starts: list[int] = []
        ends: list[int] = []
        offsets = [0]
        for text in texts.to_pylist():
            for start, end in pairs(text):
                word = text[start:end]
                bare = word.strip()
                if bare:
                    before = len(word) - len(word.lstrip())
                    starts.append(start + before)
                    ends.append(start + before + len(bare))
            offsets.append(len(starts))
        return Words(*(np.array(values, np.int64) for values in (starts, ends, offsets)))

    return split
