"""The token table: every word and mark of a column of texts, as flat arrays over its UTF-8 bytes.

A token is what spaCy 3.8's English tokenizer makes, white space left out, since datatrove counts such tokens and set
its thresholds on them. Three compiled passes of ``tasks/kernels/tokens`` make them: ``whitespace_split`` cuts at white
space, ``spacy_english`` takes affixes off and cuts at infixes, ``spacy_exceptions`` puts special cases together. The
rules are English, so a phrase of Han, kana or Thai between two marks is one token; ``tokens_from_characters`` takes
the boundaries of any other splitter.

A token is a *word* when it holds a character outside ``punctuation.SYMBOLS`` (datatrove's "non-symbol words") and
*alphabetic* when it holds a letter (``str.isalpha``).

Cost: about 10 ns a byte of English prose and 16 ns a byte of source code, on one core; the kernels hold no lock.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.tasks.kernels.tokens import spacy_english as affixes
from gristmill.tasks.kernels.tokens import spacy_exceptions as merges
from gristmill.tasks.kernels.tokens.spacy_english import Specials
from gristmill.tasks.kernels.tokens.spacy_exceptions import Runs
from gristmill.tasks.kernels.tokens.token_features import measure
from gristmill.tasks.kernels.tokens.whitespace_split import FACTOR, LETTER, NOT_SYMBOL, SEED, SENTENCE_END
from gristmill.tasks.text.characters import UNITS, character_table
from gristmill.tasks.text.columns import Column, column_of
from gristmill.tasks.text.slices import utf8_of
from gristmill.tasks.tokenization.special_cases import special_cases

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Tokens:
    """Tokens of several texts.

    ``data``: the UTF-8 bytes of all texts (Arrow's own, not copied); text i is ``data[bounds[i]:bounds[i + 1]]``.
    ``start``, ``end``: bytes of each token, ascending. ``length``: its characters. ``flags``: see
    ``kernels/tokens/whitespace_split.py``. ``hashes``: equal for equal tokens, in every text and process. ``offsets``:
    texts + 1 numbers; the tokens of text i are ``offsets[i]:offsets[i + 1]``.
    """

    data: Bytes
    bounds: Positions
    start: Places
    end: Places
    length: Places
    flags: Bytes
    hashes: Hashes
    offsets: Positions

    @property
    def documents(self) -> int:
        """Number of texts, with and without tokens."""
        return len(self.offsets) - 1

    @property
    def counts(self) -> Positions:
        """Tokens of each text."""
        return np.diff(self.offsets)

    @property
    def is_word(self) -> Mask:
        """Tokens that hold something else than symbols."""
        return (self.flags & NOT_SYMBOL).astype(np.bool_)

    @property
    def is_alphabetic(self) -> Mask:
        """Tokens that hold a letter."""
        return (self.flags & LETTER).astype(np.bool_)

    def total(self, values: npt.NDArray[np.generic]) -> Positions:
        """Sum of ``values`` (one integer or truth value a token) over each text."""
        sums = np.zeros(len(values) + 1, np.int64)
        np.cumsum(values, out=sums[1:], dtype=np.int64)
        return sums[self.offsets[1:]] - sums[self.offsets[:-1]]


def tokenize(texts: pa.Array) -> Tokens:
    """Tokens of ``texts`` (Arrow strings). Raises ``ValueError`` when one is null."""
    return tokens_of(column_of(texts))


def tokens_of(column: Column) -> Tokens:
    """Tokens of a column that is cut at white space already."""
    specials, runs = _english()
    found = affixes.split_chunks(column.data, column.chunks, character_table(), specials, _units())
    first = merges.beginnings(column.data, found, runs.pairs)
    if len(first):
        found = merges.merge(column.data, found, first, specials, runs)
    return Tokens(column.data, column.bounds, *found)


def tokens_from_characters(texts: pa.Array, start: Positions, end: Positions, offsets: Positions) -> Tokens:
    """Tokens with boundaries from elsewhere, for the splitters of other languages.

    ``start``, ``end``: code points within its text, for each token, ascending in each text. ``offsets``: texts + 1
    numbers; tokens ``offsets[i]:offsets[i + 1]`` belong to text i. White space is the caller's to leave out.
    """
    data, bounds = utf8_of(texts)
    found = measure(
        data,
        bounds,
        np.ascontiguousarray(start, np.int64),
        np.ascontiguousarray(end, np.int64),
        np.ascontiguousarray(offsets, np.int64),
        character_table(),
    )
    return Tokens(data, bounds, *found, np.ascontiguousarray(offsets, np.int64))


def hash_word(word: str) -> int:
    """The hash that the token ``word`` has."""
    value = SEED
    for byte in word.encode():
        value = (value ^ byte) * FACTOR % (1 << 64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        value = (value ^ (value >> shift)) * factor % (1 << 64)
    return value ^ (value >> 31)


def is_one_token(word: str) -> bool:
    """Whether ``tokenize`` leaves ``word`` whole; a word list entry that it splits could never match."""
    tokens = tokenize(pa.array([word]))
    return len(tokens.start) == 1 and int(tokens.length[0]) == len(word)


@lru_cache(maxsize=1)
def _units() -> Positions:
    return np.array(sorted({_packed(unit) for unit in UNITS}), np.int64)


def _packed(unit: str) -> int:
    value = 0
    for character in unit:
        value = value << 12 | ord(character)
    return value


@lru_cache(maxsize=1)
def _english() -> tuple[Specials, Runs]:
    """The special cases as the kernels read them; what the rules alone make of each comes from the rules themselves."""
    cases = special_cases()
    column = column_of(pa.array(list(cases)))
    bare = affixes.split_chunks(column.data, column.chunks, character_table(), _table_of({}), _units())
    _, _, length, _, hashes, offsets = bare
    runs = Runs(
        parts=np.zeros((len(cases), merges.MOST + 1), np.uint8),
        pairs=np.zeros(1 << 13, np.uint8),
        pieces=np.zeros((len(cases), 3), np.uint8),
        flags=np.zeros((len(cases), 3), np.uint8),
        hashes=np.zeros((len(cases), 3), np.uint64),
    )
    for case, tokens in enumerate(cases.values()):
        first, stop = int(offsets[case]), int(offsets[case + 1])
        if stop - first > 1:
            runs.parts[case, 0] = stop - first
            runs.parts[case, 1 : 1 + stop - first] = length[first:stop]
            bit = (int(hashes[first]) + 3 * int(hashes[first + 1])) % (1 << 64) >> 48
            runs.pairs[bit >> 3] |= 1 << (bit & 7)
        for piece, token in enumerate(tokens):
            runs.pieces[case, piece] = len(token)
            runs.flags[case, piece] = _flags_of(token)
            runs.hashes[case, piece] = hash_word(token)
    return _table_of(cases), runs


def _flags_of(token: str) -> int:
    flags = 0
    for character in token:
        flags |= int(character_table()[ord(character)]) & 0xFF
    return flags if len(token) == 1 else flags & ~SENTENCE_END


def _table_of(cases: dict[str, tuple[str, ...]]) -> Specials:
    size = 1 << max(4, (4 * len(cases)).bit_length())
    table = Specials(
        keys=np.zeros(size, np.uint64),
        number=np.zeros(size, np.int32),
        pieces=np.zeros(size, np.uint32),
        members=np.zeros(1 << 13, np.uint8),
        first=np.zeros(128, np.uint16),
        last=np.zeros(128, np.uint16),
    )
    for number, (case, tokens) in enumerate(cases.items()):
        key = hash_word(case)
        table.members[(key & 0xFFFF) >> 3] |= 1 << (key & 7)
        slot = (key >> 16) & (size - 1)
        while table.keys[slot]:
            slot = (slot + 1) & (size - 1)
        table.keys[slot], table.number[slot] = key, number
        table.pieces[slot] = sum(len(token) << 8 * piece for piece, token in enumerate(tokens))
        table.first[min(ord(case[0]), 127)] |= 1 << len(case)
        table.last[min(ord(case[-1]), 127)] |= 1 << len(case)
    return table
