"""The token table: every word and mark of a slice of documents, as flat numpy arrays. One pass, no loop over documents.

What a token is
    1. A maximal run of letters, digits, combining marks, joiners and underscores. An apostrophe between two letters
       (``don't``) and a full stop or comma between two digits (``3.14``, ``1,000``) belong to the run.
    2. One character of Han, Hiragana, Katakana, Hangul or Bopomofo: these scripts are not split into words.
    3. A run of full stops or of hyphens (``...``, ``--``); any other mark or symbol alone.
    White space (``str.isspace``, and the zero-width space and byte order mark) separates and is no token. Thai, Lao,
    Khmer and Burmese are written without spaces, so that a whole phrase is one token there.

A token is a *word* when it holds a character outside ``punctuation.SYMBOLS`` (datatrove's "non-symbol words") and
*alphabetic* when it holds a letter (``str.isalpha``). datatrove splits English with spaCy, which differs mostly in
contractions (``do`` ``n't``) and in web addresses (one token): docs/signals.md says by how much.

Cost: about 17 ns a byte of UTF-8 on one core with the hashes, and 40 bytes of memory a character, which is why
``slices.map_slices`` hands over a million characters at a time.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.punctuation import SYMBOLS, characters

Codes = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

SPACE, WORD, STOP, DASH, SINGLE, COMMA, APOSTROPHE = range(7)  # classes; from SINGLE on a character stands alone
CLASS, ALPHA, DIGIT, NOT_SYMBOL = 0x07, 0x08, 0x10, 0x20  # properties of a code point: class in the low bits

PLANES = 0x40000  # beyond are only tags and variation selectors, and private use
EAST_ASIAN = "1100-11FF 2E80-2FDF 3005-3007 3021-3029 3031-3035 3038-30FF 3105-318E 31A0-31BF 31F0-31FF 3400-4DBF"
EAST_ASIAN += " 4E00-9FFF A960-A97F AC00-D7FF F900-FAFF FF66-FFDC 1AFF0-1B16F 20000-3FFFF"
MULTIPLIER = 0x9E3779B97F4A7C15  # odd, from the golden ratio: base of the rolling hash
INVERSE = pow(MULTIPLIER, -1, 1 << 64)
DOCUMENT_SEPARATOR = "\n"


@dataclass(frozen=True)
class Tokens:
    """Tokens of ``documents`` texts joined by line feeds. Positions are code points of the joined text.

    ``start``, ``end``: bounds of each token, ascending. ``flags``: the properties of its characters, or-ed.
    ``offsets``: documents + 1 numbers; the tokens of document i are ``offsets[i]:offsets[i + 1]``.
    """

    codes: Codes
    start: Positions
    end: Positions
    flags: Bytes
    offsets: Positions

    @property
    def documents(self) -> int:
        """Number of documents, with and without tokens."""
        return len(self.offsets) - 1

    @property
    def counts(self) -> Positions:
        """Tokens of each document."""
        return np.diff(self.offsets)

    @property
    def lengths(self) -> Positions:
        """Characters of each token."""
        return self.end - self.start

    @property
    def is_word(self) -> Mask:
        """Tokens that hold something else than symbols."""
        return (self.flags & NOT_SYMBOL).astype(np.bool_)

    @property
    def is_alphabetic(self) -> Mask:
        """Tokens that hold a letter."""
        return (self.flags & ALPHA).astype(np.bool_)

    def document(self) -> Positions:
        """Number of the document of each token."""
        return np.repeat(np.arange(self.documents, dtype=np.int64), self.counts)

    def total(self, values: npt.NDArray[np.generic]) -> Positions:
        """Sum of ``values`` (one integer or truth value a token) over each document."""
        sums = np.zeros(len(values) + 1, np.int64)
        np.cumsum(values, out=sums[1:], dtype=np.int64)
        return sums[self.offsets[1:]] - sums[self.offsets[:-1]]


def tokenize(texts: pa.Array) -> Tokens:
    """Tokens of ``texts`` (Arrow strings, no nulls). Raises ``pa.ArrowInvalid`` above 2 GiB: hand over slices."""
    codes = code_points(texts)
    properties = properties_of(codes)
    classes = properties & np.uint8(CLASS)
    _join(classes, properties)
    filled = classes != SPACE
    begins = filled.copy()
    begins[1:] &= (classes[1:] >= SINGLE) | (classes[1:] != classes[:-1])
    ends = filled
    ends[:-1] &= begins[1:] | (classes[1:] == SPACE)
    start = np.flatnonzero(begins)
    end = np.flatnonzero(ends) + 1
    properties &= np.uint8(0xFF ^ CLASS)
    flags = np.bitwise_or.reduceat(properties, start) if len(start) else np.zeros(0, np.uint8)
    bounds = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(pc.utf8_length(texts).to_numpy(zero_copy_only=False).astype(np.int64) + 1, out=bounds[1:])
    return Tokens(codes, start, end, flags, np.searchsorted(start, bounds).astype(np.int64))


def code_points(texts: pa.Array) -> Codes:
    """The code points of ``texts``, joined by line feeds, which no token crosses."""
    one_list = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts)
    joined = pc.binary_join(one_list, DOCUMENT_SEPARATOR)[0].as_py()
    return np.frombuffer(joined.encode("utf-32-le"), np.dtype("<u4")).astype(np.uint32, copy=False)


def properties_of(codes: Codes) -> Bytes:
    """Class and properties of each code point, from ``property_table``."""
    table = property_table()
    low = np.minimum(codes, 0xFF).astype(np.uint8).tobytes()
    properties = np.frombuffer(bytearray(low.translate(table[:256].tobytes())), np.uint8)
    wide = np.flatnonzero(codes >= 0xFF)
    properties[wide] = table[np.minimum(codes[wide], PLANES)]
    return properties


def token_hashes(tokens: Tokens, places: Positions | None = None) -> Hashes:
    """A 64-bit hash of each token, or of the tokens at ``places``: equal tokens have equal hashes wherever they stand.

    Rabin and Karp's polynomial modulo 2**64, taken from prefix sums over the whole slice. Unequal tokens agree with a
    probability near 2**-64; only strings built for it (Thue and Morse, 2,048 characters and longer) collide at will,
    and they spoil nothing but the repetition ratios of their own document.
    """
    powers, inverses = power_tables(1 << max(len(tokens.codes).bit_length(), 16))
    sums = np.zeros(len(tokens.codes) + 1, np.uint64)
    np.multiply(tokens.codes, powers[: len(tokens.codes)], out=sums[1:])
    np.cumsum(sums, out=sums)
    start, end = (tokens.start, tokens.end) if places is None else (tokens.start[places], tokens.end[places])
    return (sums[end] - sums[start]) * inverses[start]


def hash_word(word: str) -> int:
    """The hash that ``token_hashes`` gives to the token ``word``."""
    total = sum(ord(character) * pow(MULTIPLIER, place, 1 << 64) for place, character in enumerate(word))
    return total % (1 << 64)


def is_one_token(word: str) -> bool:
    """Whether ``tokenize`` leaves ``word`` whole; a word list entry that it splits could never match."""
    tokens = tokenize(pa.array([word]))
    return len(tokens.start) == 1 and int(tokens.end[0] - tokens.start[0]) == len(word)


@lru_cache(maxsize=2)
def power_tables(size: int) -> tuple[Hashes, Hashes]:
    """Powers 0 .. size - 1 of the hash base and of its inverse, modulo 2**64."""
    powers = np.full(size, MULTIPLIER, np.uint64)
    inverses = np.full(size, INVERSE, np.uint64)
    powers[0] = inverses[0] = 1
    return np.cumprod(powers), np.cumprod(inverses)


@lru_cache(maxsize=1)
def property_table() -> Bytes:
    """Properties of the code points 0 .. PLANES - 1 and, as the last entry, of all beyond. Made in about 0.2 s."""
    table = np.full(PLANES + 1, SINGLE | NOT_SYMBOL, np.uint8)
    for code in range(PLANES):
        table[code] = _properties(chr(code))
    return table


def _properties(character: str) -> int:
    category = unicodedata.category(character)
    flags = ALPHA if category[0] == "L" else 0
    flags |= DIGIT if category == "Nd" else 0
    flags |= NOT_SYMBOL if character not in SYMBOLS else 0
    if character.isspace() or character in "\u200b\ufeff":
        return SPACE
    if character in SPECIAL:
        return SPECIAL[character] | flags
    if category[0] in "LN" and character in _east_asian():
        return SINGLE | flags
    return (WORD if category[0] in "LNM" or category == "Cf" else SINGLE) | flags


SPECIAL = {"_": WORD, ".": STOP, "-": DASH, ",": COMMA, "'": APOSTROPHE, "’": APOSTROPHE}


@lru_cache(maxsize=1)
def _east_asian() -> frozenset[str]:
    return characters(EAST_ASIAN)


def _join(classes: Bytes, properties: Bytes) -> None:
    """Make apostrophes between letters, and full stops and commas between digits, part of the word, in place."""
    inside = classes[1:-1]
    for marks, needed in ((inside == APOSTROPHE, ALPHA), ((inside == STOP) | (inside == COMMA), DIGIT)):
        places = np.flatnonzero(marks) + 1
        both = properties[places - 1] & properties[places + 1] & np.uint8(needed)
        classes[places[both != 0]] = WORD
