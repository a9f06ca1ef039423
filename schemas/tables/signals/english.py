"""The published English heuristics: Gopher, C4, FineWeb and RefinedWeb."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Column, Table

SignalsGopherQuality = Table(
    "signals/gopher_quality",
    ("doc_id",),
    {
        "doc_id": DOC_ID,
        "words": Column(pa.int32(), "tokens that are not punctuation alone (count, not a ratio)", unit="count", low=0),
        "mean_word_length": Column(pa.float64(), "characters a word (not a ratio)", unit="characters", low=0),
        "hash_word_ratio": Column(pa.float64(), "number signs over tokens; may exceed 1", unit="ratio", low=0),
        "ellipsis_word_ratio": Column(pa.float64(), "ellipses over tokens; may exceed 1", unit="ratio", low=0),
        "bullet_line_ratio": Column(pa.float64(), "lines that start with a bullet", unit="ratio", low=0, high=1),
        "ellipsis_line_ratio": Column(pa.float64(), "lines that end with an ellipsis", unit="ratio", low=0, high=1),
        "alpha_word_ratio": Column(
            pa.float64(), "tokens with at least one letter, over all tokens", unit="ratio", low=0, high=1
        ),
        "stop_words": Column(
            pa.int32(), "distinct words of {the be to of and that have with} (count)", unit="count", low=0
        ),
    },
    "Gopher quality signals, Rae et al. 2021 table A1.",
)

SignalsGopherRepetition = Table(
    "signals/gopher_repetition",
    ("doc_id",),
    {
        "doc_id": DOC_ID,
        "dup_line_ratio": Column(pa.float64(), "lines that repeat an earlier line", unit="ratio", low=0, high=1),
        "dup_paragraph_ratio": Column(
            pa.float64(), "paragraphs that repeat an earlier one", unit="ratio", low=0, high=1
        ),
        "dup_line_char_ratio": Column(pa.float64(), "characters in repeated lines", unit="ratio", low=0, high=1),
        "dup_paragraph_char_ratio": Column(
            pa.float64(), "characters in repeated paragraphs", unit="ratio", low=0, high=1
        ),
        "top_2_gram_ratio": Column(
            pa.float64(), "characters in the most frequent word 2-gram; may exceed 1", unit="ratio", low=0
        ),
        "top_3_gram_ratio": Column(pa.float64(), "the same for 3-grams; may exceed 1", unit="ratio", low=0),
        "top_4_gram_ratio": Column(pa.float64(), "the same for 4-grams; may exceed 1", unit="ratio", low=0),
        "dup_5_gram_ratio": Column(
            pa.float64(), "characters in repeated word 5-grams; may exceed 1", unit="ratio", low=0
        ),
        "dup_6_gram_ratio": Column(pa.float64(), "the same for 6-grams; may exceed 1", unit="ratio", low=0),
        "dup_7_gram_ratio": Column(pa.float64(), "the same for 7-grams; may exceed 1", unit="ratio", low=0),
        "dup_8_gram_ratio": Column(pa.float64(), "the same for 8-grams; may exceed 1", unit="ratio", low=0),
        "dup_9_gram_ratio": Column(pa.float64(), "the same for 9-grams; may exceed 1", unit="ratio", low=0),
        "dup_10_gram_ratio": Column(pa.float64(), "the same for 10-grams; may exceed 1", unit="ratio", low=0),
    },
    "Gopher repetition signals, Rae et al. 2021 table A1.",
)

C4_COLUMNS = {
    "doc_id": DOC_ID,
    "sentences": Column(pa.int32(), "sentences in the lines that C4's line rules leave (count)", unit="count", low=0),
    "lorem_ipsum": Column(pa.bool_(), "one of those lines holds the words lorem ipsum"),
    "curly_bracket": Column(pa.bool_(), "one of those lines holds an opening curly bracket"),
    "javascript_lines": Column(pa.int32(), "lines that mention javascript (count)", unit="count", low=0),
    "policy_lines": Column(pa.int32(), "lines with terms-of-use or cookie phrases (count)", unit="count", low=0),
}

SignalsC4 = Table(
    "signals/c4",
    ("doc_id",),
    C4_COLUMNS,
    "C4 signals as FineWeb runs C4 (datatrove 0.10): lines of 3 words and more, ended by any mark or none.",
)

SignalsC4Paper = Table(
    "signals/c4_paper",
    ("doc_id",),
    C4_COLUMNS,
    "C4 signals of Raffel et al. 2020, section 2.2: lines of 3 words and more that end in a terminal mark.",
    optional=True,
)

SignalsC4Tfds = Table(
    "signals/c4_tfds",
    ("doc_id",),
    C4_COLUMNS,
    "C4 signals of the reference code in TensorFlow Datasets: lines of 5 words and more that end in a terminal mark.",
    optional=True,
)

SignalsFineWeb = Table(
    "signals/fineweb",
    ("doc_id",),
    {
        "doc_id": DOC_ID,
        "punct_line_ratio": Column(
            pa.float64(), "lines that C4 leaves and that end with terminal punctuation", unit="ratio", low=0, high=1
        ),
        "short_line_ratio": Column(
            pa.float64(), "lines that C4 leaves of at most 30 characters", unit="ratio", low=0, high=1
        ),
        "dup_line_char_ratio": Column(
            pa.float64(), "characters in repeated lines, of the text that C4 leaves", unit="ratio", low=0, high=1
        ),
        "newline_word_ratio": Column(
            pa.float64(), "line feeds over tokens, of the text that C4 leaves; may exceed 1", unit="ratio", low=0
        ),
    },
    "FineWeb's own signals, Penedo et al. 2024 section 3.6, measured on the text that C4 (signals/c4) leaves.",
)

SignalsRefinedWeb = Table(
    "signals/refinedweb",
    ("doc_id",),
    {
        "doc_id": DOC_ID,
        "words": Column(
            pa.int32(), "words between ASCII white space that begin with a letter or digit (count)", unit="count", low=0
        ),
        "mean_word_length": Column(
            pa.float64(), "characters between white space a word (not a ratio)", unit="characters", low=0
        ),
        "symbol_word_ratio": Column(
            pa.float64(), "number signs and ellipses over words; may exceed 1", unit="ratio", low=0
        ),
        "bullet_line_ratio": Column(pa.float64(), "lines that start with a bullet", unit="ratio", low=0, high=1),
        "ellipsis_line_ratio": Column(pa.float64(), "lines that end with an ellipsis", unit="ratio", low=0, high=1),
        "non_alpha_word_ratio": Column(pa.float64(), "words without a letter", unit="ratio", low=0, high=1),
        "stop_words": Column(
            pa.int32(), "words of {the be to of and that have with}, with repeats (count)", unit="count", low=0
        ),
        "dup_line_ratio": Column(
            pa.float64(), "lines that occur more than once, all of their occurrences", unit="ratio", low=0, high=1
        ),
        "dup_paragraph_ratio": Column(pa.float64(), "the same for paragraphs", unit="ratio", low=0, high=1),
        "dup_line_char_ratio": Column(
            pa.float64(), "characters in lines that occur more than once", unit="ratio", low=0, high=1
        ),
        "dup_paragraph_char_ratio": Column(pa.float64(), "the same for paragraphs", unit="ratio", low=0, high=1),
        "top_2_gram_ratio": Column(
            pa.float64(), "characters in the most frequent 2-gram; may exceed 1", unit="ratio", low=0
        ),
        "top_3_gram_ratio": Column(pa.float64(), "the same for 3-grams; may exceed 1", unit="ratio", low=0),
        "top_4_gram_ratio": Column(pa.float64(), "the same for 4-grams; may exceed 1", unit="ratio", low=0),
        "dup_5_gram_ratio": Column(
            pa.float64(), "characters of words inside a 5-gram that occurs more than once", unit="ratio", low=0, high=1
        ),
        "dup_6_gram_ratio": Column(pa.float64(), "the same for 6-grams", unit="ratio", low=0, high=1),
        "dup_7_gram_ratio": Column(pa.float64(), "the same for 7-grams", unit="ratio", low=0, high=1),
        "dup_8_gram_ratio": Column(pa.float64(), "the same for 8-grams", unit="ratio", low=0, high=1),
        "dup_9_gram_ratio": Column(pa.float64(), "the same for 9-grams", unit="ratio", low=0, high=1),
        "dup_10_gram_ratio": Column(pa.float64(), "the same for 10-grams", unit="ratio", low=0, high=1),
        "removed_word_ratio": Column(
            pa.float64(),
            "words that RefinedWeb's line edits take out; 1 when nothing would be left",
            unit="ratio",
            low=0,
            high=1,
        ),
    },
    "RefinedWeb's signals as DCLM's baseline computes them, Penedo et al. 2023 and Li et al. 2024.",
    optional=True,
)
