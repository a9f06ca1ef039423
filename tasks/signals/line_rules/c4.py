"""The facts that C4's rules need about every line of a slice of documents, measured once for all lineages of C4.

A line is judged without white space at its ends and, from its last mark on, without citation marks (``[12]``,
``[edit]``). Lines with such marks are copied without them and measured again; all others are measured in place.

Cost: about 4 ns a byte, half of it for the phrases.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.lines.citations import find_citations, without
from gristmill.tasks.kernels.lines.line_features import Phrases, count_sentences, search
from gristmill.tasks.kernels.tokens.whitespace_split import NOT_PUNCTUATION, SENTENCE_END
from gristmill.tasks.text.characters import character_table
from gristmill.tasks.text.columns import Bytes, Column, Lines, Places, Positions, Words, cut
from gristmill.tasks.tokenization.words import Tokens, tokens_of

FIXED_PHRASES = ("lorem ipsum", "javascript", "{")  # the first bits of ``found``, see ``kernels/lines/c4_rules.py``
RARE_LAST = " etaoinshrdlucmfwypvbgkxqjz"


@dataclass(frozen=True)
class LineFacts:
    """One entry a line, without citation marks unless said otherwise.

    ``words``: counted with citation marks; ``words_left``: without. ``longest``: characters of the longest word, with.
    ``found``: phrases and ``{``, as bits. ``last``: the last byte, 0 when there is none; ``dots``: whether it ends in
    three full stops. ``tokens``, ``sentences``: as spaCy counts them. ``copy``: number of the line among those with
    citation marks, or -1; ``copies``, ``copy_bounds``: their bytes without the marks.
    """

    lines: Lines
    words: Places
    words_left: Places
    longest: Places
    found: Words
    last: Bytes
    dots: npt.NDArray[np.bool_]
    tokens: Places
    sentences: Places
    copy: Positions
    copies: Bytes
    copy_bounds: Positions


def line_facts(column: Column, lines: Lines, tokens: Tokens, policy_phrases: tuple[str, ...]) -> LineFacts:
    """The facts of ``lines``, of which ``tokens`` are the tokens; ``policy_phrases`` are small letters of ASCII."""
    phrases = phrase_table((*FIXED_PHRASES, *policy_phrases))
    marks = find_citations(column.data, int(column.bounds[0]), int(column.bounds[-1]), character_table())
    marked = np.unique(np.searchsorted(lines.after, marks[0], side="right"))
    copies, copy_bounds = without(column.data, lines.start[marked], lines.end[marked], *marks)
    copied = cut(copies, copy_bounds)
    found = search(column.data, lines.start, lines.end, phrases)
    last, dots = _ends(column.data, lines.start, lines.end)
    counts, sentences = _sentences(tokens, lines.start, lines.end)
    words_left = lines.words.copy()
    copy = np.full(len(lines.start), -1, np.int64)
    if len(marked):
        start, end = copy_bounds[:-1].astype(np.int32), copy_bounds[1:].astype(np.int32)
        words_left[marked] = np.diff(copied.chunks[-1])
        found[marked] = search(copies, start, end, phrases)
        last[marked], dots[marked] = _ends(copies, start, end)
        counts[marked], sentences[marked] = _sentences(tokens_of(copied), start, end)
        copy[marked] = np.arange(len(marked))
    return LineFacts(
        lines=lines,
        words=lines.words,
        words_left=words_left,
        longest=lines.longest,
        found=found,
        last=last,
        dots=dots,
        tokens=counts,
        sentences=sentences,
        copy=copy,
        copies=copies,
        copy_bounds=copy_bounds,
    )


def _ends(data: Bytes, start: Places, end: Places) -> tuple[Bytes, npt.NDArray[np.bool_]]:
    """The last byte of each span, 0 when it is empty, and whether its last three are full stops."""
    if not len(data):
        return np.zeros(len(start), np.uint8), np.zeros(len(start), np.bool_)
    last = np.where(end > start, data[np.maximum(end - 1, 0)], 0).astype(np.uint8)
    dots = (end - start >= 3) & (last == ord("."))
    for back in (2, 3):
        dots &= data[np.maximum(end - back, 0)] == ord(".")
    return last, dots


def _sentences(tokens: Tokens, start: Places, end: Places) -> tuple[Places, Places]:
    return count_sentences(
        tokens.data, tokens.start, tokens.end, tokens.flags, start, end, NOT_PUNCTUATION, SENTENCE_END
    )


def phrase_table(phrases: tuple[str, ...]) -> Phrases:
    """``phrases`` as the kernel reads them; a phrase is looked for where its rarest letter occurs."""
    encoded = [phrase.encode("ascii") for phrase in phrases]
    start = np.zeros(len(phrases) + 1, np.int32)
    start[1:] = np.cumsum([len(phrase) for phrase in encoded])
    anchor, letters = np.zeros(len(phrases), np.int32), np.zeros(256, np.uint32)
    for number, phrase in enumerate(phrases):
        rarest = max(phrase, key=lambda letter: RARE_LAST.find(letter) % 100)
        anchor[number] = phrase.index(rarest)
        for letter in {rarest, rarest.upper()}:
            letters[ord(letter)] |= 1 << number
    return Phrases(np.frombuffer(b"".join(encoded), np.uint8), start, anchor, letters)
