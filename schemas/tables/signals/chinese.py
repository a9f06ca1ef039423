"""Signals of Chinese text."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Column, Table

SignalsChinese = Table(
    "signals/chinese",
    ("doc_id",),
    {
        "doc_id": DOC_ID,
        "script": Column(
            pa.string(), "Hans, Hant, mixed, or undetermined when no character tells the two apart", nullable=True
        ),
        "characters": Column(
            pa.int32(),
            "characters of the half-width view, NFKC, as MAP-NEO counts length (count)",
            unit="count",
            low=0,
            nullable=True,
        ),
        "words": Column(
            pa.int32(), "jieba words of that view without its punctuation (count)", unit="count", low=0, nullable=True
        ),
        "mean_word_length": Column(
            pa.float64(), "characters of such a word, MAP-NEO (not a ratio)", unit="characters", low=0, nullable=True
        ),
        "sentences": Column(
            pa.int32(), "pieces between sentence marks, MAP-NEO (count)", unit="count", low=0, nullable=True
        ),
        "mean_sentence_length": Column(
            pa.float64(),
            "characters, white space apart, a sentence or line (not a ratio)",
            unit="characters",
            low=0,
            nullable=True,
        ),
        "han_ratio": Column(
            pa.float64(),
            "Han characters over characters that are not white space",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
        "cjk_mark_ratio": Column(
            pa.float64(),
            "Chinese punctuation marks over characters that are not white space",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
        "digit_ratio": Column(
            pa.float64(),
            "digits over characters of the view that are not punctuation, MAP-NEO",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
        "bracket_ratio": Column(
            pa.float64(), "characters inside 【】 over all, MAP-NEO", unit="ratio", low=0, high=1, nullable=True
        ),
        "mark_ratio": Column(
            pa.float64(),
            "ASCII punctuation marks of the view over its characters, MAP-NEO",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
        "hash_run_ratio": Column(
            pa.float64(), "runs of # over characters of the view, MAP-NEO", unit="ratio", low=0, high=1, nullable=True
        ),
        "ellipsis_run_ratio": Column(
            pa.float64(),
            "runs of … or of full stops over characters of the view, MAP-NEO",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
        "unique_character_ratio": Column(
            pa.float64(),
            "distinct characters of the view over all, MAP-NEO",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
        "character_entropy": Column(
            pa.float64(),
            "entropy of the characters of the view in nats, MAP-NEO (not a ratio)",
            unit="nats",
            low=0,
            nullable=True,
        ),
        "expand_line_ratio": Column(
            pa.float64(),
            "lines of the view that end with readmore, 展开 or 更多, MAP-NEO",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
        "read_more_line_ratio": Column(
            pa.float64(),
            "lines that end with a phrase or mark that leads to more text elsewhere",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
        "bullet_line_ratio": Column(
            pa.float64(),
            "lines of the view that start with a bullet, MAP-NEO",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
        "terminal_line_ratio": Column(
            pa.float64(),
            "lines that are not blank and end with a sentence mark, closing quotes apart",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
        "dup_line_ratio": Column(
            pa.float64(),
            "lines that are not blank and occur more than once, every occurrence counted, OpenCoder",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
        "dup_line_char_ratio": Column(
            pa.float64(),
            "characters in such lines over characters of all of them, OpenCoder",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
        "stop_words": Column(
            pa.int32(),
            "distinct function words of the list of its script; of the richer one when mixed (count)",
            unit="count",
            low=0,
            nullable=True,
        ),
    },
    "Signals of Chinese text in both scripts; the half-width view is the text as MAP-NEO's rules see it.",
    optional=True,
)
