"""Shingle sets and Jaccard similarity written down once more, plainly, to judge the column versions by."""

import re
import unicodedata

IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
UNSPACED_NAMES = ("THAI ", "LAO ", "KHMER ", "MYANMAR ", "TAI ", "NEW TAI ", "AHOM ")
INVISIBLE = re.compile(r"[\xad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")


def words_of(text: str) -> list[str]:
    """Runs of letters, digits and marks, lower case; letters of scripts without spaces one by one, with their marks."""
    words, follows, alone = [], False, False
    for char in INVISIBLE.sub("", text.lower()):
        kind = unicodedata.category(char)[0]
        if kind == "M":
            words[-1:] = [words[-1] + char] if follows or alone else [*words[-1:], char]
            follows = not alone
        elif IDEOGRAPH.match(char) or (kind == "L" and unicodedata.name(char, "").startswith(UNSPACED_NAMES)):
            words.append(char)
            follows, alone = False, True
        elif kind in "LN":
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
