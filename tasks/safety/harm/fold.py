"""Folding: a text as somebody reads it who looks through evasions, with the place of each character in the original.

What is undone, each with its row of tests:

* full-width forms, mathematical and circled letters, accents and stacked marks (NFKD, marks left out), case;
* Cyrillic, Greek and other letters that look like Latin ones;
* invisible characters and emoji inside words;
* digits and signs for letters in a word that has letters beside them (``sh1t``, ``a$$``), never in numbers;
* letters taken apart (``f u c k``, ``f.u.c.k``): three or more single letters with the same few separators between;
* letters repeated three times or more;
* separators between two Han characters (``傻 逼``, ``傻*逼``).

Everything is done on arrays of code points, so that the cost does not depend on the text: about 25 MB/s a core. A line
feed is never folded away, so nothing joins across lines. Homophones, pinyin and characters taken apart into others are
no matter of single characters: the word lists have them as entries (:mod:`gristmill.tasks.safety.harm.variants`).
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint32]
Mask = npt.NDArray[np.bool_]
Offsets = npt.NDArray[np.int64]

LOOK_ALIKES = dict(
    zip(
        "аеорсухівкмнтԁԛԝһјѕѵɡʟᴀᴄᴅᴇᴊᴋᴍɴᴏᴘʀᴛᴜᴠᴡᴢαεικνορτυχßøłđħıƒ",
        "aeopcyxibkmhtdqwhjsvglacdejkmnoprtuvwzaeikvoptuxboldhif",
        strict=True,
    )
)
LEET = dict(zip("0134578@$!€", "oieastbasie", strict=True))
SEPARATORS = " \t.·•・-_*~/\\|+=,'`^#"
HAN_SEPARATORS = SEPARATORS + "…—@&%$"
MOST_BETWEEN = 3  # separators between two letters that belong together
FOLDED_RANGES = ((0x20, 0x3000), (0xA640, 0xA7FF), (0xFF00, 0xFFF0), (0x1D400, 0x1D800), (0x1F100, 0x1F1E6))
DROPPED_RANGES = ((0x1F1E6, 0x1FB00), (0x2600, 0x27C0), (0xFE00, 0xFE10), (0xE0000, 0xE01F0), (0x200B, 0x2010))
HAN = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32000))


@dataclass(frozen=True)
class FoldedText:
    """``text``: what was folded; ``offsets[i]``: the place of its character i in the original."""

    text: str
    offsets: Offsets


def fold(text: str) -> FoldedText:
    """``text`` folded."""
    tables = _tables()
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    codes = tables.letters[codes]
    places = np.flatnonzero(codes)
    codes = codes[places]
    for step in (_taken_apart, _between_han, _repeated):
        kept = ~step(codes, tables)
        codes, places = codes[kept], places[kept]
    codes = _unleet(codes, tables)
    return FoldedText(codes.tobytes().decode("utf-32-le", "surrogatepass"), places)


@dataclass(frozen=True)
class _Tables:
    """By code point: the folded one (0: dropped), and which ones are what."""

    letters: Codes
    leet: Codes
    separators: Mask
    han_separators: Mask
    han: Mask


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    size = 0x110000
    letters = np.arange(size, dtype=np.uint32)
    for first, end in FOLDED_RANGES:
        for code in range(first, end):
            letters[code] = _plain(chr(code))
    for first, end in DROPPED_RANGES:
        letters[first:end] = 0
    for code in (0xAD, 0x2060, 0xFEFF):
        letters[code] = 0
    leet = np.zeros(size, np.uint32)
    leet[[ord(sign) for sign in LEET]] = [ord(letter) for letter in LEET.values()]
    han = np.zeros(size, np.bool_)
    for first, end in HAN:
        han[first:end] = True
    return _Tables(letters, leet, _mask(SEPARATORS), _mask(HAN_SEPARATORS), han)


def _mask(characters: str) -> Mask:
    mask = np.zeros(0x110000, np.bool_)
    mask[[ord(character) for character in characters]] = True
    return mask


def _plain(character: str) -> int:
    """One character for one; 0 for a mark that stands on another."""
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    small = character.lower()
    parts = [part for part in unicodedata.normalize("NFKD", small) if not unicodedata.combining(part)]
    plain = parts[0].lower() if len(parts) == 1 and len(parts[0].lower()) == 1 else small
    if len(parts) == 3 and parts[0] == "(":  # letters in brackets, as one character
        plain = parts[1].lower()
    plain = LOOK_ALIKES.get(plain, plain)
    is_mark = character > "\x7f" and not plain.isalnum()  # a full-width comma is a comma between Chinese words
    return ord(character) if is_mark or len(plain) != 1 else ord(plain)


def _latin(codes: Codes) -> Mask:
    return (codes >= ord("a")) & (codes <= ord("z"))


def _runs(mask: Mask) -> tuple[Offsets, Offsets]:
    """Bounds of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return edges[::2], edges[1::2]


def _ranges(first: Offsets, end: Offsets, size: int) -> Mask:
    """True inside the ranges, which do not overlap."""
    changes = np.zeros(size + 1, np.int8)
    changes[first] += 1
    changes[end] -= 1
    return np.cumsum(changes[:-1], dtype=np.int8).astype(np.bool_)


def _taken_apart(codes: Codes, tables: _Tables) -> Mask:
    """Separators between single letters, where three letters or more stand so."""
    word = _latin(codes) | (tables.leet[codes] != 0)
    first, end = _runs(word)
    if len(first) < 3:
        return np.zeros(len(codes), np.bool_)
    single = end - first == 1
    between = _joined(codes, tables.separators, end[:-1], first[1:]) & single[:-1] & single[1:]
    chain_first, chain_end = _runs(between)
    chains = chain_end - chain_first >= 2
    long = _ranges(chain_first[chains], chain_end[chains], len(between))
    return _ranges(end[:-1][long], first[1:][long], len(codes))


def _between_han(codes: Codes, tables: _Tables) -> Mask:
    first, end = _runs(~tables.han[codes])
    inside = (first > 0) & (end < len(codes))
    first, end = first[inside], end[inside]
    chosen = _joined(codes, tables.han_separators, first, end)
    return _ranges(first[chosen], end[chosen], len(codes))


def _joined(codes: Codes, separators: Mask, first: Offsets, end: Offsets) -> Mask:
    """Which of the ranges are one to three separators and nothing else."""
    count = np.concatenate(([0], np.cumsum(separators[codes], dtype=np.int32)))
    length = end - first
    whole: Mask = (length <= MOST_BETWEEN) & (count[end] - count[first] == length)
    return whole


def _repeated(codes: Codes, tables: _Tables) -> Mask:
    """All but the first of a letter that stands three times or more in a row."""
    same = np.concatenate(([False], (codes[1:] == codes[:-1]) & _latin(codes[1:])))
    first, end = _runs(same)
    long = end - first >= 2
    return _ranges(first[long], end[long], len(codes))


def _unleet(codes: Codes, tables: _Tables) -> Codes:
    """Signs and digits as letters, in words with at least as many letters as digits."""
    letters, signs = _latin(codes), tables.leet[codes] != 0
    if not signs.any():
        return codes
    digits = signs & (codes >= ord("0")) & (codes <= ord("9"))
    first, end = _runs(letters | signs)
    of_letters = np.concatenate(([0], np.cumsum(letters)))
    of_digits = np.concatenate(([0], np.cumsum(digits)))
    has = of_letters[end] - of_letters[first]
    word = (has > 0) & (has >= of_digits[end] - of_digits[first])
    change = _ranges(first[word], end[word], len(codes)) & signs
    return np.where(change, tables.leet[codes], codes)
