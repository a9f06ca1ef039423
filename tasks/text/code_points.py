"""The properties of every code point in Python and Unicode, as arrays: the basis of character tables.

Cost: categories take 0.06 s, a method of strings 0.02 s, a pattern 0.05 s; each is computed once for a table, which its
module keeps.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.tasks.kernels.counts.text_counts import PLANES

# What readers do not see, so that two texts which differ in it alone read the same: soft hyphens, zero-width spaces,
# joiners and non-joiners, marks of direction, variation selectors.
INVISIBLE = r"\p{Default_Ignorable_Code_Point}"

Mask = npt.NDArray[np.bool_]


def categories() -> tuple[npt.NDArray[np.bytes_], npt.NDArray[np.bytes_]]:
    """Of each code point its general category, as ``Lu``, and the first letter of it, as ``L``."""
    names = np.frombuffer("".join(map(unicodedata.category, _every())).encode("ascii"), "S2")
    return names, names.view("S1")[::2]


def where(says: Callable[[str], bool]) -> Mask:
    """The code points of whose character ``says`` holds: ``where(str.isspace)``."""
    return np.fromiter(map(says, _every()), np.bool_, PLANES)


def among(characters: Iterable[str]) -> Mask:
    """The code points of these characters. Each is below PLANES."""
    mask = np.zeros(PLANES, np.bool_)
    mask[[ord(character) for character in characters]] = True
    return mask


def every_character() -> pl.Series:
    """The characters 0 .. PLANES - 1 as strings; U+FFFD in the place of surrogates, which UTF-8 has none of."""
    codes = np.arange(PLANES, dtype="<u4")
    codes[0xD800:0xE000] = 0xFFFD
    return pl.Series(list(codes.tobytes().decode("utf-32-le")))


def matching(pattern: str) -> Mask:
    r"""The code points whose character a regular expression of polars matches: ``matching(r"\p{M}")``."""
    found: Mask = every_character().str.contains(pattern).to_numpy()
    return found


def _every() -> Iterator[str]:
    """The characters 0 .. PLANES - 1, surrogates among them."""
    return map(chr, range(PLANES))
