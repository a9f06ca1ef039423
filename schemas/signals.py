"""The Arrow schemas of the signals: what is measured in every document, one table for each set of measurements.

A policy names a signal as ``table.column``. Ratios lie in [0, 1] unless their description says otherwise.
"""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Table, columns
from gristmill.schemas.kind_signals import KIND_SIGNALS

SignalsLanguage = Table(
    "signals/language",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        language=(pa.string(), "most probable language, in the model's codes; und when the text has no letter"),
        language_score=(pa.float64(), "its probability"),
        language_second=(pa.string(), "the runner-up"),
        language_second_score=(pa.float64(), "its probability"),
        paragraphs=(pa.int32(), "paragraphs with enough letters to be judged by themselves (count)"),
        main_paragraph_ratio=(pa.float64(), "letters of those in the document's language; 1 when there are none"),
        paragraph_languages=(pa.int32(), "languages with a tenth of those letters (count)"),
        other_paragraph_language=(pa.string(), "the other language with most of those letters; und when there is none"),
        py3langid=(pa.string(), "most probable language by py3langid; null when it was not asked?"),
        py3langid_score=(pa.float64(), "its probability?"),
        agreed=(pa.bool_(), "both detectors name the same language; null when one was asked?"),
        best_language=(pa.string(), "answer of the surer detector, ISO 639-1 where there is a code, else ISO 639-3"),
    ),
    "Language of a document and of its paragraphs, by a fastText model and, where asked, py3langid.",
)

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

SignalsDomain = Table(
    "signals/domain",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        domain=(pa.string(), "documentation, code, mathematics or prose"),
        code_line_ratio=(pa.float64(), "lines that look like source code"),
        math_token_ratio=(pa.float64(), "words and symbols of mathematics over words; may exceed 1"),
        reference_line_ratio=(pa.float64(), "lines that look like reference documentation (signatures, parameters)"),
    ),
    "Which domain of the mixture a document belongs to.",
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

SignalsClassifier = Table(
    "signals/classifier",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        quality_score=(pa.float64(), "probability that the trained classifier gives to its positive label"),
    ),
    "Quality of a document by a trained fastText classifier.",
    optional=True,
)

SignalsContamination = Table(
    "signals/contamination",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        items=(pa.int32(), "items of the given benchmarks whose input stands in the text (count)"),
        answers=(pa.int32(), "those whose answer stands there too (count)"),
        score=(pa.float64(), "highest score of an item; 0 when there is none"),
    ),
    "Evaluation items found in a document, for a policy that drops such documents.",
    optional=True,
)

SIGNALS: tuple[Table, ...] = (
    SignalsLanguage,
    SignalsGopherQuality,
    SignalsGopherRepetition,
    SignalsC4,
    SignalsC4Paper,
    SignalsC4Tfds,
    SignalsFineWeb,
    SignalsDomain,
    SignalsRefinedWeb,
    SignalsClassifier,
    SignalsContamination,
    *KIND_SIGNALS,
)
