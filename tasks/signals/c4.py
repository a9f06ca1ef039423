"""C4 signals, and which lines C4 drops. Sources: Raffel et al. 2020, section 2.2; datatrove 0.10 ``c4_filters.py``
(lineages ``c4@paper``, its defaults, and ``c4@fineweb``, without terminal punctuation); ``c4_utils.py`` of TensorFlow
Datasets (``c4@tfds``).

C4 drops lines one after another and looks for ``lorem ipsum`` and ``{`` only in lines that are left. Here the lines
stay (text is removed in one late step), yet the columns say what C4 would have found:

1. A line with a word over ``max_word_length`` characters, without terminal punctuation (where the lineage asks for it)
   or with fewer than ``min_words`` words is ignored.
2. A remaining line with ``lorem ipsum`` sets ``lorem_ipsum``. One with ``javascript`` counts as a JavaScript line.
3. A remaining line with ``{`` sets ``curly_bracket``; one with a policy phrase counts as a policy line.
4. ``sentences`` counts the sentences of the lines that remain then, as spaCy's sentencizer does.

Words are what white space separates. Citation marks (``[12]``, ``[edit]``) are removed from a line after its longest
word is determined; words are counted before that, but after it in ``c4@tfds``. Upstream stops at the first ``{`` or
``lorem ipsum``; here both columns and the counts always describe the whole document. ``c4@tfds`` counts sentences with
NLTK's punkt, which can only matter where fewer lines stay than sentences are asked for.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import field_validator

from gristmill.core.config import Config
from gristmill.tasks.kernels.lines.c4_rules import KEPT, Limits, drop_reasons, sum_judged
from gristmill.tasks.kernels.lines.citations import find_citations
from gristmill.tasks.kernels.lines.duplicate_lines import join_lines
from gristmill.tasks.signals.line_rules.c4 import LineFacts, line_facts
from gristmill.tasks.text.characters import character_table
from gristmill.tasks.text.columns import Bytes, Column, Places, Positions, column_of, lines_of
from gristmill.tasks.tokenization.words import tokens_of

REASONS = ("long_word", "no_terminal_punctuation", "too_few_words", "javascript", "policy")  # in the order of codes
MOST_PHRASES = 29


class C4Config(Config):
    """Limits of a line that counts, its last marks where they are asked for, and the phrases of policy lines."""

    min_words: int = 3
    max_word_length: int = 1000
    terminal_punctuation: bool = False
    end_marks: tuple[str, ...] = (".", "?", "!", '"', "'")
    citations_before_words: bool = False
    policy_phrases: tuple[str, ...] = (
        "terms of use",
        "privacy policy",
        "cookie policy",
        "uses cookies",
        "use of cookies",
        "use cookies",
    )

    @field_validator("policy_phrases")
    @classmethod
    def _small_ascii(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        if len(phrases) > MOST_PHRASES:
            raise ValueError(f"{len(phrases)} phrases; at most {MOST_PHRASES} are possible")
        for phrase in phrases:
            if not phrase or not phrase.isascii():
                raise ValueError(f"{phrase!r} is not a phrase of ASCII characters")
        return tuple(phrase.lower() for phrase in phrases)

    @field_validator("end_marks")
    @classmethod
    def _one_byte(cls, marks: tuple[str, ...]) -> tuple[str, ...]:
        for mark in marks:
            if len(mark) != 1 or not mark.isascii():
                raise ValueError(f"{mark!r} is not a single ASCII character")
        return marks


LINEAGES: dict[str, C4Config] = {
    "c4@fineweb": C4Config(),
    "c4@paper": C4Config(terminal_punctuation=True),
    "c4@tfds": C4Config(
        min_words=5, terminal_punctuation=True, end_marks=(".", "?", "!", '"'), citations_before_words=True
    ),
}


def drop_codes(facts: LineFacts, config: C4Config) -> Bytes:
    """Why C4 drops each line: ``KEPT`` when it keeps it, else 1 + the place of the reason in ``REASONS``.

    Lines with ``lorem ipsum`` or ``{`` are kept: those rules drop documents.
    """
    words = facts.words_left if config.citations_before_words else facts.words
    marks = np.zeros(256, np.bool_)
    marks[[ord(mark) for mark in config.end_marks]] = True
    limits = Limits(config.min_words, config.max_word_length, config.terminal_punctuation, marks)
    return drop_reasons(words, facts.longest, facts.last, facts.dots, facts.found, limits)


def c4_columns(facts: LineFacts, config: C4Config) -> dict[str, npt.NDArray[np.generic]]:
    """Every column of ``signals/c4`` (or ``c4_paper``, ``c4_tfds``, by the config of the lineage) but ``doc_id``."""
    reasons = drop_codes(facts, config)
    sentences, lorem, curly, javascript, policy = sum_judged(
        reasons, facts.found, facts.sentences, facts.lines.offsets
    ).T
    return {
        "sentences": sentences.astype(np.int32),
        "lorem_ipsum": lorem > 0,
        "curly_bracket": curly > 0,
        "javascript_lines": javascript.astype(np.int32),
        "policy_lines": policy.astype(np.int32),
    }


def text_left(column: Column, facts: LineFacts, config: C4Config) -> tuple[Bytes, Positions, Positions]:
    """The texts that C4 leaves: their bytes, texts + 1 bounds, and the tokens of each.

    Lines that stay, without citation marks and white space at their ends, joined by line feeds; without white space at
    the ends of the text. Documents that C4 would drop have the text their lines would give.
    """
    kept = drop_codes(facts, config) == KEPT
    offsets = np.zeros(len(facts.lines.offsets), np.int64)
    offsets[1:] = np.cumsum(_total(kept, facts.lines.offsets))
    start, end, copy = facts.lines.start[kept], facts.lines.end[kept], facts.copy[kept]
    data, bounds = join_lines(column.data, start, end, facts.copies, facts.copy_bounds, copy, offsets)
    return data, bounds, _total(facts.tokens * kept, facts.lines.offsets)


def judge_lines(texts: pa.Array, config: C4Config) -> pa.Table:
    """Every line of ``texts`` (Arrow strings, lines as ``str.splitlines`` gives them) and why C4 drops it.

    One row a line, in order: ``row`` (number of the text), then places in it in code points: ``start`` to ``end`` the
    line without white space at its ends (C4 strips every line), ``line_start`` to ``line_end`` the line as it stands
    without its line break, ``next`` where the next one begins; and ``reason``, one of ``REASONS`` or null where C4
    keeps the line.
    """
    column = column_of(texts)
    lines = lines_of(column)
    codes = drop_codes(line_facts(column, lines, tokens_of(column), config.policy_phrases), config)
    before = column.characters_before(column.bounds[:-1])[lines.row]

    def within(places: Places) -> Places:
        return column.characters_before(places) - before

    numbers = pa.array(codes.astype(np.int8) - 1, mask=codes == KEPT)
    return pa.table(
        {
            "row": lines.row,
            "start": within(lines.start),
            "end": within(lines.end),
            "line_start": within(lines.first),
            "line_end": within(lines.last),
            "next": within(lines.after),
            "reason": pa.DictionaryArray.from_arrays(numbers, pa.array(REASONS)),
        }
    )


def citation_spans(texts: pa.Array) -> pa.Table:
    """Every citation mark (``[12]``, ``[edit]`` ..): ``row``, and ``start``, ``end`` in code points."""
    column = column_of(texts)
    start, end = find_citations(column.data, int(column.bounds[0]), int(column.bounds[-1]), character_table())
    row = (np.searchsorted(column.bounds, start, side="right") - 1).astype(np.int32)
    before = column.characters_before(column.bounds[:-1])[row]
    return pa.table(
        {
            "row": row,
            "start": column.characters_before(start) - before,
            "end": column.characters_before(end) - before,
        }
    )


def _total(values: npt.NDArray[np.generic], offsets: Positions) -> Positions:
    """Sum of the numbers or truth values of the lines of each text."""
    sums = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=sums[1:], dtype=np.int64)
    return sums[offsets[1:]] - sums[offsets[:-1]]
