"""The published English heuristics: Gopher, C4, FineWeb and RefinedWeb."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Table, columns

SignalsGopherQuality = Table(
    "signals/gopher_quality",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        words=(pa.int32(), "tokens that are not punctuation alone (count, not a ratio)"),
        mean_word_length=(pa.float64(), "characters a word (not a ratio)"),
        hash_word_ratio=(pa.float64(), "number signs over tokens; may exceed 1"),
        ellipsis_word_ratio=(pa.float64(), "ellipses over tokens; may exceed 1"),
        bullet_line_ratio=(pa.float64(), "lines that start with a bullet"),
        ellipsis_line_ratio=(pa.float64(), "lines that end with an ellipsis"),
        alpha_word_ratio=(pa.float64(), "tokens with at least one letter, over all tokens"),
        stop_words=(pa.int32(), "distinct words of {the be to of and that have with} (count)"),
    ),
    "Gopher quality signals, Rae et al. 2021 table A1.",
)

SignalsGopherRepetition = Table(
    "signals/gopher_repetition",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        dup_line_ratio=(pa.float64(), "lines that repeat an earlier line"),
        dup_paragraph_ratio=(pa.float64(), "paragraphs that repeat an earlier one"),
        dup_line_char_ratio=(pa.float64(), "characters in repeated lines"),
        dup_paragraph_char_ratio=(pa.float64(), "characters in repeated paragraphs"),
        top_2_gram_ratio=(pa.float64(), "characters in the most frequent word 2-gram; may exceed 1"),
        top_3_gram_ratio=(pa.float64(), "the same for 3-grams; may exceed 1"),
        top_4_gram_ratio=(pa.float64(), "the same for 4-grams; may exceed 1"),
        dup_5_gram_ratio=(pa.float64(), "characters in repeated word 5-grams; may exceed 1"),
        dup_6_gram_ratio=(pa.float64(), "the same for 6-grams; may exceed 1"),
        dup_7_gram_ratio=(pa.float64(), "the same for 7-grams; may exceed 1"),
        dup_8_gram_ratio=(pa.float64(), "the same for 8-grams; may exceed 1"),
        dup_9_gram_ratio=(pa.float64(), "the same for 9-grams; may exceed 1"),
        dup_10_gram_ratio=(pa.float64(), "the same for 10-grams; may exceed 1"),
    ),
    "Gopher repetition signals, Rae et al. 2021 table A1.",
)

C4_COLUMNS = columns(
    doc_id=DOC_ID,
    sentences=(pa.int32(), "sentences in the lines that C4's line rules leave (count)"),
    lorem_ipsum=(pa.bool_(), "one of those lines holds the words lorem ipsum"),
    curly_bracket=(pa.bool_(), "one of those lines holds an opening curly bracket"),
    javascript_lines=(pa.int32(), "lines that mention javascript (count)"),
    policy_lines=(pa.int32(), "lines with terms-of-use or cookie phrases (count)"),
)

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
    columns(
        doc_id=DOC_ID,
        punct_line_ratio=(pa.float64(), "lines that C4 leaves and that end with terminal punctuation"),
        short_line_ratio=(pa.float64(), "lines that C4 leaves of at most 30 characters"),
        dup_line_char_ratio=(pa.float64(), "characters in repeated lines, of the text that C4 leaves"),
        newline_word_ratio=(pa.float64(), "line feeds over tokens, of the text that C4 leaves; may exceed 1"),
    ),
    "FineWeb's own signals, Penedo et al. 2024 section 3.6, measured on the text that C4 (signals/c4) leaves.",
)

SignalsRefinedWeb = Table(
    "signals/refinedweb",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        words=(pa.int32(), "words between ASCII white space that begin with a letter or digit (count)"),
        mean_word_length=(pa.float64(), "characters between white space a word (not a ratio)"),
        symbol_word_ratio=(pa.float64(), "number signs and ellipses over words; may exceed 1"),
        bullet_line_ratio=(pa.float64(), "lines that start with a bullet"),
        ellipsis_line_ratio=(pa.float64(), "lines that end with an ellipsis"),
        non_alpha_word_ratio=(pa.float64(), "words without a letter"),
        stop_words=(pa.int32(), "words of {the be to of and that have with}, with repeats (count)"),
        dup_line_ratio=(pa.float64(), "lines that occur more than once, all of their occurrences"),
        dup_paragraph_ratio=(pa.float64(), "the same for paragraphs"),
        dup_line_char_ratio=(pa.float64(), "characters in lines that occur more than once"),
        dup_paragraph_char_ratio=(pa.float64(), "the same for paragraphs"),
        top_2_gram_ratio=(pa.float64(), "characters in the most frequent 2-gram; may exceed 1"),
        top_3_gram_ratio=(pa.float64(), "the same for 3-grams; may exceed 1"),
        top_4_gram_ratio=(pa.float64(), "the same for 4-grams; may exceed 1"),
        dup_5_gram_ratio=(pa.float64(), "characters of words inside a 5-gram that occurs more than once"),
        dup_6_gram_ratio=(pa.float64(), "the same for 6-grams"),
        dup_7_gram_ratio=(pa.float64(), "the same for 7-grams"),
        dup_8_gram_ratio=(pa.float64(), "the same for 8-grams"),
        dup_9_gram_ratio=(pa.float64(), "the same for 9-grams"),
        dup_10_gram_ratio=(pa.float64(), "the same for 10-grams"),
        removed_word_ratio=(pa.float64(), "words that RefinedWeb's line edits take out; 1 when nothing would be left"),
    ),
    "RefinedWeb's signals as DCLM's baseline computes them, Penedo et al. 2023 and Li et al. 2024.",
    optional=True,
)
