"""Shingle sets and Jaccard similarity written down once more, plainly, to judge the column versions by."""

import re

IDEOGRAPHS = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
IDEOGRAPH = re.compile(f"[{IDEOGRAPHS}]")
WORD = re.compile(rf"[{IDEOGRAPHS}]|[^\W_{IDEOGRAPHS}]+")


def words_of(text: str) -> list[str]:
    """Runs of letters and digits, lower case, each ideograph by itself."""
    return WORD.findall(text.lower())


def chars_of(text: str) -> list[str]:
    """Code points, lower case, runs of white space made one space."""
    return list(re.sub(r"\s+", " ", text.lower()).strip())


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
