"""Signals that only some documents have: of nine languages, of Chinese, of source code, and of the URL.

Each table is optional and has a row for every document; a column is null where it says nothing about the document,
and a rule over it then fails, so these belong in policies for such documents (or in a ``switch``).
"""

import pyarrow as pa

from gristmill.core.table import DOC_ID, Table, columns

RATIO, COUNT = pa.float64(), pa.int32()

SignalsFineWeb2 = Table(
    "signals/fineweb2",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        unit=(
            pa.string(),
            "what a word was: jieba, sudachi-a, kiwi-sbg, newmm, spacy-de, ...; none where nothing splits",
        ),
        words=(COUNT, "words that are not punctuation alone (count)?"),
        mean_word_length=(RATIO, "characters of such a word (not a ratio)?"),
        hash_word_ratio=(RATIO, "number signs over words and marks; may exceed 1?"),
        ellipsis_word_ratio=(RATIO, "ellipses over words and marks; may exceed 1?"),
        bullet_line_ratio=(RATIO, "lines that start with a bullet?"),
        ellipsis_line_ratio=(RATIO, "lines that end with an ellipsis?"),
        alpha_word_ratio=(RATIO, "words and marks with at least one letter, over all?"),
        stop_words=(COUNT, "distinct words of the language's list in FineWeb-2 (count)?"),
        dup_line_ratio=(RATIO, "lines that repeat an earlier line?"),
        top_2_gram_ratio=(RATIO, "characters in the most frequent word 2-gram; may exceed 1?"),
        top_3_gram_ratio=(RATIO, "the same for 3-grams; may exceed 1?"),
        top_4_gram_ratio=(RATIO, "the same for 4-grams; may exceed 1?"),
        dup_5_gram_ratio=(RATIO, "characters in repeated word 5-grams; may exceed 1?"),
        dup_6_gram_ratio=(RATIO, "the same for 6-grams; may exceed 1?"),
        dup_7_gram_ratio=(RATIO, "the same for 7-grams; may exceed 1?"),
        dup_8_gram_ratio=(RATIO, "the same for 8-grams; may exceed 1?"),
        dup_9_gram_ratio=(RATIO, "the same for 9-grams; may exceed 1?"),
        dup_10_gram_ratio=(RATIO, "the same for 10-grams; may exceed 1?"),
        punct_line_ratio=(RATIO, "lines, of those that are not blank, that end with terminal punctuation?"),
        dup_line_char_ratio=(RATIO, "characters in repeated lines, as FineWeb counts them?"),
        newline_word_ratio=(RATIO, "line feeds over words and marks; may exceed 1?"),
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
        characters=(COUNT, "characters of the half-width view, NFKC, as MAP-NEO counts length (count)?"),
        words=(COUNT, "jieba words of that view without its punctuation (count)?"),
        mean_word_length=(RATIO, "characters of such a word, MAP-NEO (not a ratio)?"),
        sentences=(COUNT, "pieces between sentence marks, MAP-NEO (count)?"),
        mean_sentence_length=(RATIO, "characters, white space apart, a sentence or line (not a ratio)?"),
        han_ratio=(RATIO, "Han characters over characters that are not white space?"),
        cjk_mark_ratio=(RATIO, "Chinese punctuation marks over characters that are not white space?"),
        digit_ratio=(RATIO, "digits over characters of the view that are not punctuation, MAP-NEO?"),
        bracket_ratio=(RATIO, "characters inside 【】 over all, MAP-NEO?"),
        mark_ratio=(RATIO, "ASCII punctuation marks of the view over its characters, MAP-NEO?"),
        hash_run_ratio=(RATIO, "runs of # over characters of the view, MAP-NEO?"),
        ellipsis_run_ratio=(RATIO, "runs of … or of full stops over characters of the view, MAP-NEO?"),
        unique_character_ratio=(RATIO, "distinct characters of the view over all, MAP-NEO?"),
        character_entropy=(RATIO, "entropy of the characters of the view in nats, MAP-NEO (not a ratio)?"),
        expand_line_ratio=(RATIO, "lines of the view that end with readmore, 展开 or 更多, MAP-NEO?"),
        read_more_line_ratio=(RATIO, "lines that end with a phrase or mark that leads to more text elsewhere?"),
        bullet_line_ratio=(RATIO, "lines of the view that start with a bullet, MAP-NEO?"),
        terminal_line_ratio=(RATIO, "lines that are not blank and end with a sentence mark, closing quotes apart?"),
        dup_line_ratio=(
            RATIO,
            "lines that are not blank and occur more than once, every occurrence counted, OpenCoder?",
        ),
        dup_line_char_ratio=(RATIO, "characters in such lines over characters of all of them, OpenCoder?"),
        stop_words=(COUNT, "distinct function words of the list of its script; of the richer one when mixed (count)?"),
    ),
    "What is measured in Chinese, both scripts; the half-width view is the text as MAP-NEO's rules see it.",
    optional=True,
)

SignalsCode = Table(
    "signals/code",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        program_language=(
            pa.string(),
            "programming language by URL, file name or first characters; null for no source code?",
        ),
        characters=(COUNT, "code points (count)?"),
        lines=(COUNT, "lines, blank ones too (count)?"),
        line_max=(COUNT, "characters of the longest line, bigcode (count)?"),
        line_mean=(RATIO, "characters a line, bigcode (not a ratio)?"),
        full_line_mean=(RATIO, "characters, line feeds too, a line, OpenCoder (not a ratio)?"),
        alphanumeric_ratio=(RATIO, "letters and digits over characters, bigcode?"),
        alphabetic_ratio=(RATIO, "letters over characters that are not white space, OpenCoder?"),
        digit_ratio=(RATIO, "digits over characters that are not white space, OpenCoder?"),
        whitespace_ratio=(RATIO, "white space over characters, OpenCoder?"),
        replacement_ratio=(RATIO, "replacement characters (U+FFFD) over characters, OpenCoder?"),
        comment_ratio=(RATIO, "characters of comments and documentation over all, bigcode and OpenCoder?"),
        xml_start=(pa.bool_(), "an XML declaration in the first 100 characters, bigcode and OpenCoder?"),
        autogenerated=(pa.bool_(), "the first 200 characters say that the file is generated, OpenCoder?"),
        encoded_data=(pa.bool_(), "more than half, or one stretch over 1,024 characters, is encoded data, OpenCoder?"),
        words=(COUNT, "words without case and punctuation (count), OpenCoder?"),
        mean_word_length=(RATIO, "characters of such a word (not a ratio), OpenCoder?"),
        top_2_gram_ratio=(
            RATIO,
            "characters in the most frequent word 2-gram that comes twice, OpenCoder; may exceed 1?",
        ),
        top_3_gram_ratio=(RATIO, "the same for 3-grams; may exceed 1?"),
        top_4_gram_ratio=(RATIO, "the same for 4-grams; may exceed 1?"),
        dup_5_gram_ratio=(RATIO, "characters of words in 5-grams that come twice, OpenCoder?"),
        dup_6_gram_ratio=(RATIO, "the same for 6-grams?"),
        dup_7_gram_ratio=(RATIO, "the same for 7-grams?"),
        dup_8_gram_ratio=(RATIO, "the same for 8-grams?"),
        dup_9_gram_ratio=(RATIO, "the same for 9-grams?"),
        dup_10_gram_ratio=(RATIO, "the same for 10-grams?"),
        dup_line_ratio=(RATIO, "code lines that come more than once, every occurrence counted, OpenCoder?"),
        string_ratio=(RATIO, "characters between quotes over characters of code, OpenCoder?"),
        long_string_line_ratio=(
            RATIO,
            "lines of strings with more than 20 words over code lines, OpenCoder; may exceed 1?",
        ),
        long_word_ratio=(
            RATIO,
            "characters of words over 20 characters in strings over characters of code, OpenCoder?",
        ),
        hex_ratio=(RATIO, "characters of hexadecimal numbers over characters of code, OpenCoder?"),
        todo_line_ratio=(
            RATIO,
            "comment lines with todo, fixme or your code here over all lines, OpenCoder; may exceed 1?",
        ),
        assert_line_ratio=(RATIO, "code lines with assert over code lines, OpenCoder?"),
        html_text_ratio=(RATIO, "visible text over characters, bigcode; null for what is not HTML?"),
        html_text_characters=(COUNT, "characters of visible text, bigcode (count); null for what is not HTML?"),
    ),
    "What is measured in source code; comments come from a scan of the language's marks.",
    optional=True,
)

SignalsUrl = Table(
    "signals/url",
    ("doc_id",),
    columns(
        doc_id=DOC_ID,
        domain_listed=(pa.bool_(), "a domain above the host is on the blocklist?"),
        host_listed=(pa.bool_(), "the host itself is on the blocklist?"),
        url_listed=(pa.bool_(), "the whole URL, or its address without scheme, is on the blocklist?"),
        expression_listed=(pa.bool_(), "a regular expression of the blocklist is found in the URL?"),
        category=(pa.string(), "first category of the blocklist, by name, that holds it; empty for none?"),
        hard_words=(COUNT, "distinct words of the URL that no good page has (count)?"),
        soft_words=(COUNT, "distinct words of the URL that are suspect together (count)?"),
        banned_subword=(pa.bool_(), "the letters and digits of the URL hold a listed piece?"),
    ),
    "What the URL says; null where a document has none.",
    optional=True,
)

KIND_SIGNALS: tuple[Table, ...] = (SignalsFineWeb2, SignalsChinese, SignalsCode, SignalsUrl)
