"""The language of a document, and the signals that depend on it."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Column, Table

SignalsLanguage = Table(
    "signals/language",
    ("doc_id",),
    {
        "doc_id": DOC_ID,
        "language": Column(
            pa.string(), "most probable language, in the model's codes; und when the text has no letter"
        ),
        "language_score": Column(pa.float64(), "its probability", unit="probability", low=0, high=1),
        "language_second": Column(pa.string(), "the runner-up"),
        "language_second_score": Column(pa.float64(), "its probability", unit="probability", low=0, high=1),
        "paragraphs": Column(
            pa.int32(), "paragraphs with enough letters to be judged by themselves (count)", unit="count", low=0
        ),
        "main_paragraph_ratio": Column(
            pa.float64(),
            "letters of those in the document's language; 1 when there are none",
            unit="ratio",
            low=0,
            high=1,
        ),
        "paragraph_languages": Column(
            pa.int32(), "languages with a tenth of those letters (count)", unit="count", low=0
        ),
        "other_paragraph_language": Column(
            pa.string(), "the other language with most of those letters; und when there is none"
        ),
        "py3langid": Column(
            pa.string(), "most probable language by py3langid; null when it was not asked", nullable=True
        ),
        "py3langid_score": Column(pa.float64(), "its probability", unit="probability", low=0, high=1, nullable=True),
        "agreed": Column(pa.bool_(), "both detectors name the same language; null when one was asked", nullable=True),
        "best_language": Column(
            pa.string(), "answer of the surer detector, ISO 639-1 where there is a code, else ISO 639-3"
        ),
    },
    "Language of a document and of its paragraphs, by a fastText model and, on request, py3langid.",
)

SignalsFineWeb2 = Table(
    "signals/fineweb2",
    ("doc_id",),
    {
        "doc_id": DOC_ID,
        "unit": Column(
            pa.string(), "what a word was: jieba, sudachi-a, kiwi-sbg, newmm, spacy-de, ...; none where nothing splits"
        ),
        "words": Column(pa.int32(), "words that are not punctuation alone (count)", unit="count", low=0, nullable=True),
        "mean_word_length": Column(
            pa.float64(), "characters of such a word (not a ratio)", unit="characters", low=0, nullable=True
        ),
        "hash_word_ratio": Column(
            pa.float64(), "number signs over words and marks; may exceed 1", unit="ratio", low=0, nullable=True
        ),
        "ellipsis_word_ratio": Column(
            pa.float64(), "ellipses over words and marks; may exceed 1", unit="ratio", low=0, nullable=True
        ),
        "bullet_line_ratio": Column(
            pa.float64(), "lines that start with a bullet", unit="ratio", low=0, high=1, nullable=True
        ),
        "ellipsis_line_ratio": Column(
            pa.float64(), "lines that end with an ellipsis", unit="ratio", low=0, high=1, nullable=True
        ),
        "alpha_word_ratio": Column(
            pa.float64(),
            "words and marks with at least one letter, over all",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
        "stop_words": Column(
            pa.int32(), "distinct words of the language's list in FineWeb-2 (count)", unit="count", low=0, nullable=True
        ),
        "dup_line_ratio": Column(
            pa.float64(), "lines that repeat an earlier line", unit="ratio", low=0, high=1, nullable=True
        ),
        "top_2_gram_ratio": Column(
            pa.float64(),
            "characters in the most frequent word 2-gram; may exceed 1",
            unit="ratio",
            low=0,
            nullable=True,
        ),
        "top_3_gram_ratio": Column(
            pa.float64(), "the same for 3-grams; may exceed 1", unit="ratio", low=0, nullable=True
        ),
        "top_4_gram_ratio": Column(
            pa.float64(), "the same for 4-grams; may exceed 1", unit="ratio", low=0, nullable=True
        ),
        "dup_5_gram_ratio": Column(
            pa.float64(), "characters in repeated word 5-grams; may exceed 1", unit="ratio", low=0, nullable=True
        ),
        "dup_6_gram_ratio": Column(
            pa.float64(), "the same for 6-grams; may exceed 1", unit="ratio", low=0, nullable=True
        ),
        "dup_7_gram_ratio": Column(
            pa.float64(), "the same for 7-grams; may exceed 1", unit="ratio", low=0, nullable=True
        ),
        "dup_8_gram_ratio": Column(
            pa.float64(), "the same for 8-grams; may exceed 1", unit="ratio", low=0, nullable=True
        ),
        "dup_9_gram_ratio": Column(
            pa.float64(), "the same for 9-grams; may exceed 1", unit="ratio", low=0, nullable=True
        ),
        "dup_10_gram_ratio": Column(
            pa.float64(), "the same for 10-grams; may exceed 1", unit="ratio", low=0, nullable=True
        ),
        "punct_line_ratio": Column(
            pa.float64(),
            "lines, of those that are not blank, that end with terminal punctuation",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
        "dup_line_char_ratio": Column(
            pa.float64(),
            "characters in repeated lines, as FineWeb counts them",
            unit="ratio",
            low=0,
            high=1,
            nullable=True,
        ),
        "newline_word_ratio": Column(
            pa.float64(), "line feeds over words and marks; may exceed 1", unit="ratio", low=0, nullable=True
        ),
    },
    "What FineWeb-2 measures, with the word splitter and stop words of the document's language.",
    optional=True,
)
