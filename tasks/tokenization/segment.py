"""Splitters of texts into words, as datatrove 0.10 has them for FineWeb-2; ``languages`` says which language has which.

Source: datatrove ``utils/word_tokenizers.py``. jieba is compiled (``chinese_words``); spaCy's rules are our own
(``spacy_words``). Sudachi splits in mode A and is given pieces of at most 40,000 bytes, as upstream does. Kiwi has its
model sbg (gone from kiwipiepy 0.22; a later one uses cong, and says so in the unit). PyThaiNLP's is newmm-safe. The
last three are the extra ``languages`` and loops inside third-party splitters; docs/languages.md has their speed.
Words of white space are left out.
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
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.tasks.tokenization import chinese_words
from gristmill.tasks.tokenization.spacy_words import Cutter

Places = npt.NDArray[np.int64]
Pairs = Iterator[tuple[int, int]]

HINT = "pip install 'gristmill[languages]'"
SUDACHI_BYTES = 40_000
LONG_NUMBER = re.compile("[0-9,]{20,}")  # upstream takes these out before Kiwi sees the text


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


def jieba() -> Splitter:
    """jieba's words, for Chinese."""
    return Splitter("jieba", ("jieba",), _jieba)


def spacy(language: str) -> Callable[[], Splitter]:
    """spaCy's tokens in one of ``spacy_rules.LANGUAGES`` or ``spacy_rules.PLAIN``."""
    return lambda: Splitter(f"spacy-{language}", (), lambda: _spacy(language))


def sudachi() -> Splitter:
    """Sudachi's shortest units (mode A), for Japanese."""
    return Splitter("sudachi-a", ("sudachipy", "sudachidict_core"), _sudachi)


def kiwi() -> Splitter:
    """Kiwi's morphemes, for Korean. Where a syllable holds two, both have the place of that syllable, as upstream
    counts them.

    Upstream takes long numbers out of what Kiwi sees and then cuts the text that still has them, so that words after
    such a number are shifted; that is followed here, since its thresholds were set so.
    """
    return Splitter(f"kiwi-{kiwi_model()}", ("kiwipiepy", "kiwipiepy_model"), _kiwi)


def newmm() -> Splitter:
    """PyThaiNLP's words by its dictionary (newmm-safe), numbers put together, for Thai."""
    return Splitter("newmm", ("pythainlp",), _newmm)


def _jieba() -> Split:
    def split(texts: pa.Array) -> Words:
        _, codes, bounds = joined(texts)
        start, end, _ = chinese_words.cut(codes, bounds)
        return _words(start, end, bounds)

    return split


def _spacy(language: str) -> Split:
    cutter = Cutter(language)

    def split(texts: pa.Array) -> Words:
        text, codes, bounds = joined(texts, "\n")
        start, end = cutter.cut(text, codes)
        return _words(start, end, bounds)

    return split


def _sudachi() -> Split:
    module: Any = import_module("sudachipy")
    dictionary = module.Dictionary()
    make = getattr(dictionary, "tokenizer", None) or dictionary.create  # SudachiPy 0.7 renamed it
    tokenizer = make(mode=module.SplitMode.A)

    def pairs(text: str) -> Pairs:
        place = 0
        for piece in byte_pieces(text, SUDACHI_BYTES):
            for morpheme in tokenizer.tokenize(piece):
                yield place + morpheme.begin(), place + morpheme.end()
            place += len(piece)

    return _each(pairs)


def _kiwi() -> Split:
    analyser: Any = import_module("kiwipiepy").Kiwi(model_type=kiwi_model())

    def pairs(text: str) -> Pairs:
        for token in analyser.tokenize(LONG_NUMBER.sub("", text)):
            yield token.start, token.end

    return _each(pairs)


def kiwi_model() -> str:
    """The model that datatrove names, where the installed kiwipiepy still has it."""
    try:
        release = tuple(map(int, version("kiwipiepy").split(".")[:2]))
    except PackageNotFoundError:
        return "sbg"
    return "sbg" if release < (0, 22) else "cong"


def _newmm() -> Split:
    word_tokenize: Any = import_module("pythainlp.tokenize").word_tokenize

    def pairs(text: str) -> Pairs:
        place = 0
        for word in word_tokenize(text, keep_whitespace=False, engine="newmm-safe"):
            place = text.index(word, place)
            yield place, place + len(word)
            place += len(word)

    return _each(pairs)


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
