"""The language of a document, and what is measured with the words of that language."""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Table, columns

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

SignalsFineWeb2 = Table(
    "signals/fineweb2",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        unit=(
            pa.string(),
            "what a word was: jieba, sudachi-a, kiwi-sbg, newmm, spacy-de, ...; none where nothing splits",
        ),
        words=(pa.int32(), "words that are not punctuation alone (count)?"),
        mean_word_length=(pa.float64(), "characters of such a word (not a ratio)?"),
        hash_word_ratio=(pa.float64(), "number signs over words and marks; may exceed 1?"),
        ellipsis_word_ratio=(pa.float64(), "ellipses over words and marks; may exceed 1?"),
        bullet_line_ratio=(pa.float64(), "lines that start with a bullet?"),
        ellipsis_line_ratio=(pa.float64(), "lines that end with an ellipsis?"),
        alpha_word_ratio=(pa.float64(), "words and marks with at least one letter, over all?"),
        stop_words=(pa.int32(), "distinct words of the language's list in FineWeb-2 (count)?"),
        dup_line_ratio=(pa.float64(), "lines that repeat an earlier line?"),
        top_2_gram_ratio=(pa.float64(), "characters in the most frequent word 2-gram; may exceed 1?"),
        top_3_gram_ratio=(pa.float64(), "the same for 3-grams; may exceed 1?"),
        top_4_gram_ratio=(pa.float64(), "the same for 4-grams; may exceed 1?"),
        dup_5_gram_ratio=(pa.float64(), "characters in repeated word 5-grams; may exceed 1?"),
        dup_6_gram_ratio=(pa.float64(), "the same for 6-grams; may exceed 1?"),
        dup_7_gram_ratio=(pa.float64(), "the same for 7-grams; may exceed 1?"),
        dup_8_gram_ratio=(pa.float64(), "the same for 8-grams; may exceed 1?"),
        dup_9_gram_ratio=(pa.float64(), "the same for 9-grams; may exceed 1?"),
        dup_10_gram_ratio=(pa.float64(), "the same for 10-grams; may exceed 1?"),
        punct_line_ratio=(pa.float64(), "lines, of those that are not blank, that end with terminal punctuation?"),
        dup_line_char_ratio=(pa.float64(), "characters in repeated lines, as FineWeb counts them?"),
        newline_word_ratio=(pa.float64(), "line feeds over words and marks; may exceed 1?"),
    ),
    "What FineWeb-2 measures, with the word splitter and stop words of the document's language.",
    optional=True,
)

SignalsChinese = Table(
    "signals/chinese",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        script=(pa.string(), "Hans, Hant, mixed, or undetermined when no character tells the two apart?"),
        characters=(pa.int32(), "characters of the half-width view, NFKC, as MAP-NEO counts length (count)?"),
        words=(pa.int32(), "jieba words of that view without its punctuation (count)?"),
        mean_word_length=(pa.float64(), "characters of such a word, MAP-NEO (not a ratio)?"),
        sentences=(pa.int32(), "pieces between sentence marks, MAP-NEO (count)?"),
        mean_sentence_length=(pa.float64(), "characters, white space apart, a sentence or line (not a ratio)?"),
        han_ratio=(pa.float64(), "Han characters over characters that are not white space?"),
        cjk_mark_ratio=(pa.float64(), "Chinese punctuation marks over characters that are not white space?"),
        digit_ratio=(pa.float64(), "digits over characters of the view that are not punctuation, MAP-NEO?"),
        bracket_ratio=(pa.float64(), "characters inside 【】 over all, MAP-NEO?"),
        mark_ratio=(pa.float64(), "ASCII punctuation marks of the view over its characters, MAP-NEO?"),
        hash_run_ratio=(pa.float64(), "runs of # over characters of the view, MAP-NEO?"),
        ellipsis_run_ratio=(pa.float64(), "runs of … or of full stops over characters of the view, MAP-NEO?"),
        unique_character_ratio=(pa.float64(), "distinct characters of the view over all, MAP-NEO?"),
        character_entropy=(pa.float64(), "entropy of the characters of the view in nats, MAP-NEO (not a ratio)?"),
        expand_line_ratio=(pa.float64(), "lines of the view that end with readmore, 展开 or 更多, MAP-NEO?"),
        read_more_line_ratio=(pa.float64(), "lines that end with a phrase or mark that leads to more text elsewhere?"),
        bullet_line_ratio=(pa.float64(), "lines of the view that start with a bullet, MAP-NEO?"),
        terminal_line_ratio=(
            pa.float64(),
            "lines that are not blank and end with a sentence mark, closing quotes apart?",
        ),
        dup_line_ratio=(
            pa.float64(),
            "lines that are not blank and occur more than once, every occurrence counted, OpenCoder?",
        ),
        dup_line_char_ratio=(pa.float64(), "characters in such lines over characters of all of them, OpenCoder?"),
        stop_words=(
            pa.int32(),
            "distinct function words of the list of its script; of the richer one when mixed (count)?",
        ),
    ),
    "What is measured in Chinese, both scripts; the half-width view is the text as MAP-NEO's rules see it.",
    optional=True,
)
