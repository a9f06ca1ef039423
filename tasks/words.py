"""The token table: every word and mark of a slice of documents, as flat numpy arrays. One pass, no loop over documents.

What a token is follows spaCy's English rules, which datatrove counts with, as far as single characters decide them:

1. White space separates. Every Han, kana, hangul and bopomofo character is a token of its own and separates too; Thai,
   Lao, Khmer and Burmese, written without spaces, keep whole phrases in one token.
2. Marks at either end of what is between come off, each a token (``(end).`` gives ``(`` ``end`` ``)`` ``.``), a run of
   full stops together. A full stop stays after a single capital (``J.``, ``U.S.``) and at the front (``.txt``).
3. What is left is one token, marks inside it and all (``https://example.org/a-b``, ``f(x``, ``3.14``), but is cut at an
   ellipsis or icon, at a hyphen or dash before a letter, at ``,`` between letters, at one of ``: < > = /`` before a
   letter, at ``.`` between small and capital, at an operator between digits (web addresses are not cut), and before
   the English endings 's 'll 're 've 'd 'm n't.

A token is a *word* when it holds a character outside ``punctuation.SYMBOLS`` (datatrove's "non-symbol words") and
*alphabetic* when it holds a letter (``str.isalpha``). docs/signals.md says how far this is from spaCy itself.

Cost: about 30 ns a byte of UTF-8 on one core with the hashes, and some 70 bytes of memory a character, which is why
``slices.map_slices`` hands over a million characters at a time.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.characters import (
    CLASS,
    DIGIT,
    EAST,
    INFIX,
    LETTER,
    LOWER,
    MARK,
    NOT_SYMBOL,
    OPENING,
    PLANES,
    SPACE,
    STOP,
    UPPER,
    Bytes,
    character_table,
)

Codes = npt.NDArray[np.uint32]
Positions = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

BEFORE, BETWEEN, AFTER = "\n", "\n", "\n\n\n"  # so that every character has neighbours, and documents do not touch
MULTIPLIER = 0x9E3779B97F4A7C15  # odd, from the golden ratio: base of the rolling hash
INVERSE = pow(MULTIPLIER, -1, 1 << 64)


@dataclass(frozen=True)
class Tokens:
    """Tokens of several texts, joined into one. Positions are code points of the joined text.

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
        return (self.flags & LETTER).astype(np.bool_)

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
    inner = np.where(classes <= EAST, np.uint8(0), properties)  # what is outside a word is no neighbour to its marks
    alone = _at_the_ends(codes, inner, classes)
    alone |= classes == EAST
    stop = alone | (classes == SPACE)
    alone[_cuts(codes, inner, classes, stop)] = True
    filled = classes != SPACE
    begins = filled.copy()
    begins[1:] &= alone[1:] | alone[:-1] | ~filled[:-1]
    begins[_run_on(codes, inner, alone)] = False
    begins[_endings(codes, inner, alone | ~filled)] = True
    ends = filled
    ends[:-1] &= begins[1:] | ~filled[1:]
    start = np.flatnonzero(begins)
    end = np.flatnonzero(ends) + 1
    properties &= np.uint8(0xFF ^ CLASS)
    flags = np.bitwise_or.reduceat(properties, start) if len(start) else np.zeros(0, np.uint8)
    bounds = np.full(len(texts) + 1, len(BEFORE), np.int64)
    bounds[1:] += np.cumsum(pc.utf8_length(texts).to_numpy(zero_copy_only=False).astype(np.int64) + len(BETWEEN))
    return Tokens(codes, start, end, flags, np.searchsorted(start, bounds).astype(np.int64))


def code_points(texts: pa.Array) -> Codes:
    """The code points of ``texts`` joined by line feeds, which no token crosses, with line feeds before and after."""
    one_list = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts)
    joined = BEFORE + pc.binary_join(one_list, BETWEEN)[0].as_py() + AFTER
    return np.frombuffer(joined.encode("utf-32-le"), np.dtype("<u4")).astype(np.uint32, copy=False)


def properties_of(codes: Codes) -> Bytes:
    """Class and properties of each code point, from the character table; a new array."""
    table = character_table()
    low = np.minimum(codes, 0xFF).astype(np.uint8).tobytes()
    properties = np.frombuffer(bytearray(low.translate(table[:256].tobytes())), np.uint8)
    wide = np.flatnonzero(codes >= 0xFF)
    properties[wide] = table[np.minimum(codes[wide], PLANES)]
    return properties


def _at_the_ends(codes: Codes, properties: Bytes, classes: Bytes) -> Mask:
    """Marks that come off: between them and white space (or an East character) stand only such marks."""
    marks = classes == MARK
    stops = np.flatnonzero(classes == STOP)
    dots = stops[(classes[stops - 1] == STOP) | (classes[stops + 1] == STOP)]
    before, earlier = properties[stops - 1], properties[stops - 2]
    after_small = ((before & (LOWER | DIGIT)) != 0) | (classes[stops - 1] == MARK) | _is(codes[stops - 1], "%²-+")
    full_stops = stops[after_small | ((before & earlier & UPPER) != 0)]
    openings = np.flatnonzero(classes == OPENING)
    amounts = openings[(properties[openings - 1] & DIGIT) != 0]
    outside = classes <= EAST
    front, back = marks.copy(), marks
    plus_number = _is(codes[openings], "+") & ((properties[openings + 1] & DIGIT) != 0)
    front[dots] = front[openings[~plus_number]] = True
    back[dots] = back[full_stops] = back[amounts] = True
    return _runs(front, outside, at_start=True) | _runs(back, outside, at_start=False)


def _runs(mask: Mask, outside: Mask, at_start: bool) -> Mask:
    """The runs of ``mask`` that begin right after, or end right before, a place of ``outside``."""
    change = np.flatnonzero(mask[1:] != mask[:-1]) + 1
    start, stop = change[::2], change[1::2]  # the text begins and ends with white space, which is in no run
    touching = outside[start - 1] if at_start else outside[stop]
    steps = np.zeros(len(mask), np.int8)
    steps[start[touching]] = 1
    steps[stop[touching]] = -1
    return np.cumsum(steps, dtype=np.int8).astype(np.bool_)


def _cuts(codes: Codes, properties: Bytes, classes: Bytes, stop: Mask) -> Positions:
    """Marks inside a word that cut it, and are tokens; ``stop``: characters that are not inside a word."""
    places = np.flatnonzero((properties >= INFIX) & ~stop)
    code, left, right = codes[places], properties[places - 1], properties[places + 1]
    letter_left, letter_right = (left & LETTER) != 0, (right & LETTER) != 0
    digit_left = (left & DIGIT) != 0
    cut = (classes[places] == MARK) & ~_is(code, "*,:<>—–")  # an icon or ellipsis, wherever it stands
    cut |= (classes[places] == STOP) & ((codes[places - 1] == code) | (codes[places + 1] == code))
    cut |= _is(code, ".") & ((left & LOWER) != 0) & ((right & UPPER) != 0)
    cut |= _is(code, ",") & letter_left & letter_right
    cut |= _is(code, ":<>=/~—–") & (letter_left | digit_left) & letter_right
    cut |= _is(code, "+-*^") & digit_left & (((right & DIGIT) != 0) | _is(codes[places + 1], "-"))
    hyphens = np.flatnonzero(code == ord("-"))
    for length in (1, 2, 3):
        first = hyphens[: len(hyphens) - length + 1]
        last = hyphens[length - 1 :]
        run = (places[last] - places[first] == length - 1) & (codes[places[last] + 1] != ord("-"))
        run &= (properties[places[first] - 1] & (LETTER | DIGIT)) != 0
        run &= (properties[places[last] + 1] & LETTER) != 0
        for offset in range(length):
            cut[hyphens[np.flatnonzero(run) + offset]] = True
    places = places[cut]
    cuts: Positions = places[~_in_web_address(codes, properties, places, stop)]
    return cuts


def _in_web_address(codes: Codes, properties: Bytes, places: Positions, stop: Mask) -> Mask:
    """Whether each place is in a word that begins with a scheme of up to eight letters and ``://``."""
    schemes = np.flatnonzero((codes[:-2] == ord(":")) & (codes[1:-1] == ord("/")) & (codes[2:] == ord("/")))
    letters = np.ones(len(schemes), np.bool_)
    opens = np.zeros(len(schemes), np.bool_)
    for length in range(1, 9):
        letters &= (properties[np.maximum(schemes - length, 0)] & LETTER) != 0
        opens |= letters & stop[np.maximum(schemes - length - 1, 0)]
    schemes = schemes[opens]
    if not len(schemes):
        return np.zeros(len(places), np.bool_)
    stops = np.flatnonzero(stop)
    end = stops[np.searchsorted(stops, schemes)]
    nearest = np.searchsorted(schemes, places, side="right") - 1
    result: Mask = (nearest >= 0) & (places < end[nearest])
    return result


def _run_on(codes: Codes, properties: Bytes, alone: Mask) -> Positions:
    """Full stops and hyphens that belong to the token of the equal one before."""
    places = np.flatnonzero((properties >= INFIX) & alone)
    places = places[_is(codes[places], ".-")]
    same: Mask = (codes[places - 1] == codes[places]) & alone[places - 1]
    return places[same]


def _endings(codes: Codes, properties: Bytes, stop: Mask) -> Positions:
    """Where the English endings 's 'm 'd 'll 're 've n't begin; ``stop``: characters that are not inside a word."""
    places = np.flatnonzero((codes == ord("'")) | (codes == ord("’")))
    places = places[~stop[places] & ((properties[places - 1] & LETTER) != 0)]
    one, two = codes[places + 1] | 0x20, codes[places + 2] | 0x20  # | 0x20 makes ASCII letters small
    short = stop[places + 2]
    simple = short & _is(one, "smd")
    for first, second in ("ll", "re", "ve"):
        simple |= ~short & stop[places + 3] & (one == ord(first)) & (two == ord(second))
    negation = short & (one == ord("t")) & ((codes[places - 1] | 0x20) == ord("n"))
    negation &= (properties[places - 2] & LETTER) != 0
    return np.concatenate([places[simple], places[negation] - 1])


def _is(codes: Codes, wanted: str) -> Mask:
    return np.isin(codes, np.array([ord(character) for character in wanted], np.uint32))


def token_hashes(tokens: Tokens, places: Positions | None = None) -> Hashes:
    """A 64-bit hash of each token, or of the tokens at ``places``: equal tokens have equal hashes wherever they stand.

    Rabin and Karp's polynomial modulo 2**64, taken from prefix sums over the whole slice, and mixed. Unequal tokens
    agree with a probability near 2**-64; only strings built for it (Thue and Morse, 2,048 characters and longer)
    collide at will, and they spoil nothing but the repetition ratios of their own document.
    """
    powers, inverses = power_tables(1 << max(len(tokens.codes).bit_length(), 21))
    sums = np.zeros(len(tokens.codes) + 1, np.uint64)
    np.multiply(tokens.codes + np.uint32(1), powers[: len(tokens.codes)], out=sums[1:])  # + 1: a NUL counts too
    np.cumsum(sums, out=sums)
    start, end = (tokens.start, tokens.end) if places is None else (tokens.start[places], tokens.end[places])
    return mix((sums[end] - sums[start]) * inverses[start])


def hash_word(word: str) -> int:
    """The hash that ``token_hashes`` gives to the token ``word``."""
    total = sum((ord(character) + 1) * pow(MULTIPLIER, place, 1 << 64) for place, character in enumerate(word))
    return int(mix(np.array([total % (1 << 64)], np.uint64))[0])


def mix(hashes: Hashes) -> Hashes:
    """splitmix64's finaliser: without it n-grams of other words would often have equal polynomials."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))


def is_one_token(word: str) -> bool:
    """Whether ``tokenize`` leaves ``word`` whole; a word list entry that it splits could never match."""
    tokens = tokenize(pa.array([word]))
    return len(tokens.start) == 1 and int(tokens.end[0] - tokens.start[0]) == len(word)


@lru_cache(maxsize=1)
def power_tables(size: int) -> tuple[Hashes, Hashes]:
    """Powers 0 .. size - 1 of the hash base and of its inverse, modulo 2**64."""
    powers = np.full(size, MULTIPLIER, np.uint64)
    inverses = np.full(size, INVERSE, np.uint64)
    powers[0] = inverses[0] = 1
    return np.cumprod(powers), np.cumprod(inverses)
