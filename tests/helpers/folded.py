"""Folded tokens as text, and the same tokens by polars' expressions, to judge the kernel by."""

import polars as pl

from gristmill.tasks.dedup.normalization import UNSPACED
from gristmill.tasks.dedup.presets import Unit
from gristmill.tasks.kernels.minhash.normalize import NormalizedTokens
from gristmill.tasks.text.code_points import INVISIBLE

WORD = rf"[{UNSPACED}]\p{{M}}*|[[\p{{L}}\p{{N}}\p{{M}}]--[{UNSPACED}]]+"


def spelled(tokens: NormalizedTokens) -> list[list[str]]:
    """The tokens of each text."""
    data = tokens.data.tobytes()
    words = [data[start:end].decode() for start, end in zip(tokens.starts[:-1], tokens.ends, strict=True)]
    found, start = [], 0
    for count in tokens.counts.tolist():
        found.append(words[start : start + count])
        start += count
    return found


def by_expressions(texts: list[str], unit: Unit) -> list[list[str]]:
    """Plain tokens as columns give them: lower case, invisible characters off, then one regular expression."""
    lowered = pl.Series("text", texts, dtype=pl.String).str.to_lowercase().str.replace_all(INVISIBLE, "")
    if unit == "word":
        return lowered.str.extract_all(WORD).to_list()
    lists = lowered.str.replace_all(r"\s+", " ").str.strip_chars().str.split("").to_list()
    return [[char for char in row if char] for row in lists]
