"""Gopher quality signals. Source: Rae et al. 2021, table A1; formulas of datatrove 0.10 ``gopher_quality_filter.py``.

Words come from ``tasks.words``; the denominators count every token, as upstream counts punctuation marks among its
words, while ``words`` and ``mean_word_length`` leave tokens of symbols alone out. A document without words or without
lines has 0 in every column, where upstream divides by zero. Stop words match case and all, as upstream.

Cost: see docs/signals.md; the token table takes most of it.
"""

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import field_validator

from schemas.config import Config
from schemas.signals import SignalsGopherQuality
from schemas.tables import Documents
from tasks.lines import count, frame, ratio, split_lines, stripped, total
from tasks.slices import map_slices, one_chunk
from tasks.step import step
from tasks.words import Positions, Tokens, hash_word, is_one_token, token_hashes, tokenize

ELLIPSES = ("...", "…")


class GopherQualityConfig(Config):
    """``stop_words`` are counted as distinct words of the text; ``bullets`` start a bulleted line."""

    stop_words: tuple[str, ...] = ("the", "be", "to", "of", "and", "that", "have", "with")
    bullets: tuple[str, ...] = ("•", "-")

    @field_validator("stop_words")
    @classmethod
    def _can_match(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        split = [word for word in words if not is_one_token(word)]
        if split:
            raise ValueError(f"{', '.join(map(repr, split))} can never match: a stop word must be one token")
        return words


@step("gopher-quality", version=1, reads=(Documents,), writes=(SignalsGopherQuality,))
def gopher_quality(documents: pa.Table, config: GopherQualityConfig) -> pa.Table:
    """One row of ``signals/gopher_quality`` for each row of ``documents``, in their order."""
    return map_slices(lambda part: _signals(part, config), documents)


def _signals(documents: pa.Table, config: GopherQualityConfig) -> pa.Table:
    texts = one_chunk(documents.column("text"))
    tokens = tokenize(texts)
    is_word = tokens.is_word
    words = tokens.total(is_word)
    rows = frame(texts)
    hashes = rows.select(pl.col("text").str.count_matches("#", literal=True))["text"].to_numpy()
    ellipses = rows.select(pl.sum_horizontal(pl.col("text").str.count_matches(mark, literal=True) for mark in ELLIPSES))
    lines = split_lines(rows)
    line_count = count(lines, len(texts))
    bare = stripped()
    bullets = pl.any_horizontal(bare.str.starts_with(mark) for mark in config.bullets)
    trailing = pl.any_horizontal(bare.str.ends_with(mark) for mark in ELLIPSES)
    return pa.table(
        {
            "doc_id": documents.column("doc_id"),
            "words": words.astype(np.int32),
            "mean_word_length": ratio(tokens.total(tokens.lengths * is_word), words),
            "hash_word_ratio": ratio(hashes, tokens.counts),
            "ellipsis_word_ratio": ratio(ellipses.to_series().to_numpy(), tokens.counts),
            "bullet_line_ratio": ratio(total(lines, bullets, len(texts)), line_count),
            "ellipsis_line_ratio": ratio(total(lines, trailing, len(texts)), line_count),
            "alpha_word_ratio": ratio(tokens.total(tokens.is_alphabetic), tokens.counts),
            "stop_words": distinct_words(tokens, config.stop_words).astype(np.int32),
        },
        schema=SignalsGopherQuality.schema,
    )


def distinct_words(tokens: Tokens, words: tuple[str, ...]) -> Positions:
    """How many of ``words`` occur in each document."""
    lengths = np.array(sorted({len(word) for word in words}), np.int64)
    places = np.flatnonzero(np.isin(tokens.lengths, lengths))
    hashes = token_hashes(tokens, places)
    found = np.zeros(tokens.documents, np.int64)
    for word in dict.fromkeys(words):
        documents = np.searchsorted(tokens.offsets, places[hashes == hash_word(word)], side="right") - 1
        found[np.unique(documents)] += 1
    return found
