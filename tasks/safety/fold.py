"""Folding of evaded forms, with the way back: full-width digits, zero-width characters, Chinese numerals in a row.

What the fold does, for the detectors that ask for it: full-width letters and digits and the decimal digits of other
scripts become ASCII; spaces of any width become a space and dashes of any kind a hyphen; characters without width, and
those that make an emoji of a digit, go; seven or more Chinese numerals in a row (幺 is one) become digits, because that
is a number read out, while 一九八四 is a year. Full-width punctuation stays. ``places`` maps back: character i of the
folded text is character ``places[i]`` of the original. Cost: a few array operations, 60 ns a character, so only texts
in which one of :data:`TRIGGERS` matches are folded; the prefilter looks for them on its way.
"""

import sys
import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from gristmill.tasks.safety.finding import Finding

CodePoints = npt.NDArray[np.uint32]
GONE = 0xFFFFFFFF
LEAST_NUMERALS = 7
NUMERALS = {
    numeral: digit for digit, numerals in enumerate(("〇零", "一幺", "二", *"三四五六七八九")) for numeral in numerals
}
WITHOUT_WIDTH = (
    "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufe0e\ufe0f\ufeff\u20e3"
)
SPACES = "\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"

_WIDE = r"[\x{ff10}-\x{ff19}\x{ff21}-\x{ff3a}\x{ff41}-\x{ff5a}]"
_GONE_CLASS = "[" + "".join(f"\\x{{{ord(character):x}}}" for character in WITHOUT_WIDTH) + "]"
_BETWEEN = "[" + "".join(f"\\x{{{ord(character):x}}}" for character in SPACES + DASHES) + "]"
_OTHER_DIGITS = r"[\x{660}-\x{669}\x{6f0}-\x{6f9}\x{966}-\x{96f}\x{9e6}-\x{9ef}\x{e50}-\x{e59}\x{1d7ce}-\x{1d7ff}]"
TRIGGERS = (
    _WIDE * 2,
    f"[0-9A-Za-z]{_GONE_CLASS}",
    f"[0-9)]{_BETWEEN}[0-9(]",
    f"{_OTHER_DIGITS}{{4}}",
    f"[{''.join(NUMERALS)}]{{{LEAST_NUMERALS}}}",
)
"""Expressions of Hyperscan, one of which matches in every text that the fold changes in a way that matters."""


@dataclass(frozen=True)
class Folded:
    """A folded text and, for each of its characters and its end, the place in the original. None: nothing moved."""

    text: str
    places: npt.NDArray[np.int64] | None

    def original(self, finding: Finding) -> Finding:
        """``finding`` with its bounds in the original text."""
        if self.places is None:
            return finding
        start, last = self.places[finding.start], self.places[finding.end - 1]
        return finding._replace(start=int(start), end=int(last) + 1)


def fold(text: str) -> Folded:
    """Fold ``text``."""
    if text.isascii():
        return Folded(text, None)
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    folded = _table()[points]
    _fold_numerals(points, folded)
    kept = np.flatnonzero(folded != GONE)
    if len(kept) == len(points):
        same = np.array_equal(folded, points)
        return Folded(text if same else _text(folded), None)
    return Folded(_text(folded[kept]), np.append(kept, len(points)))


def _text(points: CodePoints) -> str:
    return points.tobytes().decode("utf-32-le", "surrogatepass")


def _fold_numerals(points: CodePoints, folded: CodePoints) -> None:
    """Write digits over the long runs of Chinese numerals."""
    digits = _numerals()[np.minimum(points, 0xFFFF)]
    inside = np.concatenate(([False], digits != GONE, [False]))
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    starts, ends = edges[::2], edges[1::2]
    long = ends - starts >= LEAST_NUMERALS
    for start, end in zip(starts[long].tolist(), ends[long].tolist(), strict=True):
        folded[start:end] = digits[start:end]


@cache
def _table() -> CodePoints:
    """What each code point becomes."""
    table = np.arange(sys.maxunicode + 1, dtype=np.uint32)
    for point in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B), 0xFF0B, 0xFF0E, 0xFF0F):
        table[point] = point - 0xFEE0
    for point in range(0x80, sys.maxunicode + 1):
        if unicodedata.category(chr(point)) == "Nd":
            table[point] = ord("0") + unicodedata.digit(chr(point))
    for characters, becomes in ((SPACES, ord(" ")), (DASHES, ord("-")), (WITHOUT_WIDTH, GONE)):
        table[[ord(character) for character in characters]] = becomes
    return table


@cache
def _numerals() -> CodePoints:
    """The digit, in ASCII, of each code point below 65,536 that is a Chinese numeral."""
    table = np.full(0x10000, GONE, np.uint32)
    for numeral, digit in NUMERALS.items():
        table[ord(numeral)] = ord("0") + digit
    return table
