"""Where the texts of an index occur in documents, and whether their answers are nearby.

The scheme is that of AI2's decon (github.com/allenai/decon, ``doc/simple-details.md``): n-grams find spans that may
contain an item, a span grows over a bounded number of misses, and a score over question and answer is compared with a
threshold that short texts reach only word for word. Three things differ:

* every n-gram of the corpus is looked up, not every tenth, so that short items are not missed;
* a span is measured by its edit distance to the text, weighted by word, where decon takes the share of n-grams: one
  changed word costs one word and not five n-grams, so the threshold is a share of the wording;
* the question alone can be found (label ``input``), with the answer nearby the label is ``answer``. A question of
  a few words proves nothing alone, and counts only with its answer or its passage nearby.

Cost: see ``kernels/matching/passage_match.py``; Python runs only for places that reach the threshold. Memory: one slice
of documents.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from gristmill.tasks.contamination.index import PASSAGE, Index, MatchConfig, Row
from gristmill.tasks.contamination.words import WordColumn, words_of
from gristmill.tasks.kernels.matching.passage_match import align, find_passages
from gristmill.tasks.text.columns import Hashes

INPUT, ANSWER = "input", "answer"
ANSWER_WEIGHT = 0.25  # of the score of question and answer, decon's for a question without a passage
FEW_WORDS = 8  # a shorter question proves too little alone: "What is the capital of France?"
SHORT_ANSWER = 3  # answers up to this many words must be contiguous, longer ones go by their edit distance
SHORT_WINDOW, LONG_WINDOW = 50, 100  # words after the question that count as near; a long answer has twice its length
LISTED = 0.8  # share of an option's words that makes it one of a list
NEAR_PASSAGE = 100  # words between a question and its passage
NEARLY = 1e-6
ANNOUNCED = ("answer", "answers", "ans", "key", "correct", "案", "选", "選")  # the last word before a letter, or nearly


@dataclass(frozen=True)
class Place:
    """Text ``text`` of the index in document ``document``: tokens ``first`` to ``last`` (exclusive) of the column."""

    document: int
    text: int
    first: int
    last: int
    similarity: float


@dataclass(frozen=True)
class Found:
    """A place that counts for one item. ``start``, ``end``: code points of the document's text."""

    document: int
    row: Row
    start: int
    end: int
    similarity: float
    answer: float | None
    score: float
    label: str


def find(texts: pa.Array, index: Index, config: MatchConfig) -> list[Found]:
    """Every place in ``texts`` (Arrow strings) that counts, by document; for one item and form only the best in
    each."""
    column = words_of(texts)
    best: dict[tuple[int, str, str, str], Found] = {}
    places = list(places_of(column, index, config))
    passages = {
        (place.document, row.suite, row.item): place
        for place in places
        for row in index.rows[place.text]
        if row.form == PASSAGE and place.similarity + NEARLY >= config.required(index.lengths[place.text])
    }
    for place in places:
        for row in index.rows[place.text]:
            found = judge(place, row, passages.get((place.document, row.suite, row.item)), column, index, config)
            key = (place.document, row.suite, row.item, row.form)
            if found is not None and (key not in best or _rank(found) > _rank(best[key])):
                best[key] = found
    return [best[key] for key in sorted(best)]


def _rank(found: Found) -> tuple[bool, float, int]:
    return found.label == ANSWER, found.score, -found.start


def places_of(column: WordColumn, index: Index, config: MatchConfig) -> Iterator[Place]:
    """The places where a text may count, with its answer's help if needed, by document and text, each once."""
    document, text, first, last = find_passages(
        column.hashes,
        column.offsets,
        config.n,
        index.keys,
        index.number,
        index.bits,
        index.posting_offsets,
        index.postings,
        index.needed,
        index.reach,
    )
    begin, end = column.offsets[document], column.offsets[document + 1]
    size = index.lengths[text]
    share, low, high = align(
        column.hashes,
        np.maximum(begin, begin + first - size),
        np.minimum(end, begin + last + size),
        index.words.hashes,
        index.weights,
        index.words.offsets[text],
        index.words.offsets[text + 1],
    )
    required = np.where(index.helped[text], config.threshold, config.required(size))
    least = (required - ANSWER_WEIGHT) / (1 - ANSWER_WEIGHT)
    good = np.flatnonzero(share + NEARLY >= least)
    seen = set()
    for place in good:
        found = Place(int(document[place]), int(text[place]), int(low[place]), int(high[place]), float(share[place]))
        if found not in seen:
            seen.add(found)
            yield found


def judge(
    place: Place, row: Row, passage: Place | None, column: WordColumn, index: Index, config: MatchConfig
) -> Found | None:
    """The evidence at ``place`` for the item of ``row``; None when too weak. ``passage``: where its passage is."""
    words = int(index.lengths[place.text])
    if row.form == PASSAGE:
        enough = place.similarity + NEARLY >= config.required(words)
        return _found(place, row, None, place.similarity, PASSAGE, column) if enough else None
    if passage is not None and passage.first <= place.first and place.last <= passage.last:
        return None  # a sentence of the passage that the question repeats
    beside = passage is not None and _near(place, passage)
    words += int(index.lengths[passage.text]) if passage is not None and beside else 0
    answer, length = answer_near(column, place, row)
    both = (1 - ANSWER_WEIGHT) * place.similarity + ANSWER_WEIGHT * answer
    if answer + NEARLY >= config.threshold and both + NEARLY >= config.required(words + length):
        return _found(place, row, answer, max(both, place.similarity), ANSWER, column)
    if words >= FEW_WORDS and place.similarity + NEARLY >= config.required(words):
        return _found(place, row, answer, place.similarity, INPUT, column)
    return None


def _near(one: Place, other: Place) -> bool:
    return max(one.first, other.first) - min(one.last, other.last) <= NEAR_PASSAGE


def _found(place: Place, row: Row, answer: float | None, score: float, label: str, column: WordColumn) -> Found:
    start = column.characters(place.document, int(column.start[place.first]))
    end = column.characters(place.document, int(column.end[place.last - 1]))
    return Found(place.document, row, start, end, place.similarity, answer, min(score, 1.0), label)


def answer_near(column: WordColumn, place: Place, row: Row) -> tuple[float, int]:
    """How much of a right answer follows the question, and the words of that answer.

    If at least half of the wrong options are there too, only its letter identifies the right one: 1 when the letter
    follows a word such as "answer", else 0.
    """
    stop = int(column.offsets[place.document + 1])
    if row.options:
        first = place.first if row.form == "options" else place.last
        reach = 2 * sum(len(option) for option in row.options) + SHORT_WINDOW + (place.last - first)
        window = column.hashes[first : min(stop, first + reach)]
        wrong = [option for option in row.options if not np.array_equal(option, row.answers[0])]
        if row.form == "options" or 2 * sum(_share(window, option) >= LISTED for option in wrong) >= len(wrong):
            tail = column.hashes[place.last : min(stop, place.last + reach)]
            return (1.0 if _letter_told(tail, row.letter) else 0.0), len(row.letter)
    best, length = 0.0, 0
    for answer in row.answers:
        near = SHORT_WINDOW if len(answer) <= SHORT_ANSWER else max(LONG_WINDOW, 2 * len(answer))
        share = _share(column.hashes[place.last : min(stop, place.last + near)], answer)
        if share > best:
            best, length = share, len(answer)
    return best, length


def _share(window: Hashes, answer: Hashes) -> float:
    """1 for a short answer that is contiguous in the window, else the share of its words found there."""
    size = len(answer)
    if not size or size > len(window):
        return 0.0
    if size <= SHORT_ANSWER:
        hit = np.ones(len(window) - size + 1, np.bool_)
        for offset in range(size):
            hit &= window[offset : len(window) - size + 1 + offset] == answer[offset]
        return float(hit.any())
    ends = np.array([[0], [len(window)], [0], [size]], np.int64)
    share, _, _ = align(window, ends[0], ends[1], answer, np.ones(size, np.float32), ends[2], ends[3])
    return float(share[0])


def _letter_told(tail: Hashes, letter: Hashes) -> bool:
    """Whether the letter follows a word that announces an answer, with at most two words between."""
    if not len(letter):
        return False
    announced = np.isin(tail, _announced())
    at = np.flatnonzero(tail == letter[0])
    return any(bool(announced[max(0, place - 3) : place].any()) for place in at)


def _announced() -> Hashes:
    return words_of(pa.array(list(ANNOUNCED), pa.string())).hashes
