"""Shingle sets and Jaccard similarity written down once more, plainly, to judge the column versions by."""

import re
import unicodedata
from functools import cache

IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
UNSPACED_NAMES = ("THAI ", "LAO ", "KHMER ", "MYANMAR ", "TAI ", "NEW TAI ", "AHOM ")
INVISIBLE = re.compile(r"[\xad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")


@cache
def kind_of(char: str) -> str:
    """``mark``, ``alone`` (a letter of a script without spaces), ``part`` (of a word) or ``between`` (words)."""
    category = unicodedata.category(char)[0]
    if category == "M":
        return "mark"
    if IDEOGRAPH.match(char) or (category == "L" and unicodedata.name(char, "").startswith(UNSPACED_NAMES)):
        return "alone"
    return "part" if category in "LN" else "between"


def words_of(text: str) -> list[str]:
    """Runs of letters, digits and marks, lower case; letters of scripts without spaces one by one, with their marks."""
    words, follows, alone = [], False, False
    for char in INVISIBLE.sub("", text.lower()):
        kind = kind_of(char)
        if kind == "mark":
            words[-1:] = [words[-1] + char] if follows or alone else [*words[-1:], char]
            follows = not alone
        elif kind == "alone":
            words.append(char)
            follows, alone = False, True
        elif kind == "part":
            words[-1:] = [words[-1] + char] if follows else [*words[-1:], char]
            follows, alone = True, False
        else:
            follows = alone = False
    return words


def chars_of(text: str) -> list[str]:
    """Code points, lower case, runs of white space made one space."""
    return list(re.sub(r"\s+", " ", INVISIBLE.sub("", text.lower())).strip())


def windows(tokens: list[str], n: int) -> list[tuple[str, ...]]:
    """n-grams; a shorter text is one window, an empty one none."""
    if len(tokens) < n:
        return [tuple(tokens)] if tokens else []
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]


def shingles_of(text: str, n: int = 5) -> set[tuple[str, ...]]:
    """The set of a text's word n-grams."""
    return set(windows(words_of(text), n))


def jaccard(left: set[tuple[str, ...]], right: set[tuple[str, ...]]) -> float:
    """Exact similarity of two sets; 0 for two empty ones."""
    return len(left & right) / len(left | right) if left | right else 0.0
