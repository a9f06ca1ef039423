"""The index of evaluation items: which n-gram of words occurs in which text, and what each word of a text weighs.

Equal texts of a suite (a passage that questions share, a question asked twice) are indexed once. A word weighs
``ln((N + 1) / n)`` for a suite of N texts of which n contain it, so that wording a benchmark repeats counts little and
wording particular to an item counts much; decon weighs n-grams that way, over all benchmarks at once. Here a text's
weights depend on its own suite only, so what is found of one suite does not change when another is looked for too.

Cost: about 6 s and 80 MB for 33,000 texts of two million n-grams; made once in a process for every index.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from gristmill.core.config import Config
from gristmill.tasks.contamination.words import WordColumn, words_of
from gristmill.tasks.kernels.matching.passage_match import make_table, n_grams
from gristmill.tasks.text.columns import Hashes, Places, Positions

Weights = npt.NDArray[np.float32]
PASSAGE = "passage"


class MatchConfig(Config):
    """When a text counts as found.

    ``n``, ``misses`` and ``threshold`` are those of AI2's decon (``config/default.yaml``). Its 20 and 50 tokens for
    short texts are 10 and 30 words here: docs/contamination.md has what that finds.
    """

    n: int = Field(5, ge=2, le=13, description="words of an n-gram; a shorter text cannot be found")
    misses: int = Field(11, ge=1, description="n-grams in a row without a new one that end a span")
    threshold: float = Field(0.8, gt=0, le=1, description="score that counts as found, for long texts")
    perfect_words: int = Field(10, ge=0, description="texts up to this many words must match word for word")
    relaxed_words: int = Field(30, ge=1, description="from this many words on the threshold holds; between, a line")
    coverage: float = Field(0.1, gt=0, le=1, description="share of a text's n-grams that a span needs to be measured")

    def required(self, words: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The score that a text of so many words needs."""
        length = np.asarray(words, np.float64)
        span = max(1, self.relaxed_words - self.perfect_words)
        share = np.clip((length - self.perfect_words) / span, 0.0, 1.0)
        return np.asarray(1.0 - (1.0 - self.threshold) * share)


@dataclass(frozen=True)
class Row:
    """One row of ``eval_items``: whose text it is, and the words of its answers and options, which are looked for
    nearby."""

    suite: str
    item: str
    form: str
    answers: tuple[Hashes, ...]
    options: tuple[Hashes, ...]
    letter: Hashes


@dataclass(frozen=True)
class Index:
    """Texts to look for. ``rows[t]``: whose text ``t`` is. ``words``, ``weights``: its tokens.

    ``helped``: questions whose items have a passage, which may be nearby and make them long. ``short``: rows of texts
    below n words. The rest are the inputs of ``kernels/matching/passage_match.py``.
    """

    rows: tuple[tuple[Row, ...], ...]
    words: WordColumn
    weights: Weights
    helped: npt.NDArray[np.bool_]
    needed: Places
    reach: Places
    keys: Hashes
    number: Places
    bits: npt.NDArray[np.uint32]
    posting_offsets: Positions
    postings: Places
    short: tuple[Row, ...]

    @property
    def lengths(self) -> Positions:
        """Words of every text."""
        return np.diff(self.words.offsets)


def build_index(items: pa.Table, config: MatchConfig) -> Index:
    """The index of ``items``, rows of ``eval_items``."""
    keys = [*zip(*(items.column(name).to_pylist() for name in ("suite", "form", "text")), strict=True)]
    distinct = sorted(set(keys))
    rows = _rows(items)
    by_text: dict[tuple[str, str, str], list[Row]] = {}
    for key, row in zip(keys, rows, strict=True):
        by_text.setdefault(key, []).append(row)
    sizes = np.diff(words_of(pa.array([text for _, _, text in distinct], pa.string())).offsets)
    long = [key for key, size in zip(distinct, sizes, strict=True) if size >= config.n]
    words = words_of(pa.array([text for _, _, text in long], pa.string()))
    grams, offsets = n_grams(words.hashes, words.offsets, config.n)
    text = np.repeat(np.arange(len(long), dtype=np.int64), np.diff(offsets))
    gram, owner = _distinct_pairs(grams, text)
    known, first = np.unique(gram, return_index=True)
    held = np.bincount(owner, minlength=len(long))
    lengths = np.diff(words.offsets)
    passages = {(row.suite, row.item) for row in rows if row.form == PASSAGE}
    helped = np.array([any((row.suite, row.item) in passages for row in by_text[key]) for key in long], np.bool_)
    perfect = (lengths <= config.perfect_words) & ~helped
    needed = np.where(perfect, held, np.maximum(1, np.ceil(config.coverage * held)))
    slots, number, bits = make_table(known)
    return Index(
        rows=tuple(tuple(by_text[key]) for key in long),
        words=words,
        weights=_weights(words, [suite for suite, _, _ in long]),
        helped=helped,
        needed=needed.astype(np.int32),
        reach=np.full(len(long), config.misses, np.int32),
        keys=slots,
        number=number,
        bits=bits,
        posting_offsets=np.append(first, len(gram)).astype(np.int64),
        postings=owner.astype(np.int32),
        short=tuple(row for key, size in zip(distinct, sizes, strict=True) if size < config.n for row in by_text[key]),
    )


def _distinct_pairs(values: Hashes, texts: Positions) -> tuple[Hashes, Positions]:
    """The pairs of value and text, sorted, each once. ``texts`` is ascending."""
    order = np.argsort(values, kind="stable")
    values, texts = values[order], texts[order]
    first = np.ones(len(values), np.bool_)
    first[1:] = (values[1:] != values[:-1]) | (texts[1:] != texts[:-1])
    return values[first], texts[first]


def _weights(words: WordColumn, suites: Sequence[str]) -> Weights:
    """The weight of every token, by how many texts of its suite contain it."""
    text = np.repeat(np.arange(len(suites)), np.diff(words.offsets))
    names, suite = np.unique(np.array(suites, dtype=object).astype(str), return_inverse=True)
    total = np.bincount(suite, minlength=len(names))
    _, token = np.unique(words.hashes, return_inverse=True)
    held, holder = _distinct_pairs(token.astype(np.uint64), text)
    word_of_suite, times = np.unique(held.astype(np.int64) * len(names) + suite[holder], return_counts=True)
    place = np.searchsorted(word_of_suite, token * len(names) + suite[text])
    weights: Weights = np.log((total[suite[text]] + 1) / times[place]).astype(np.float32)
    return weights


def _rows(items: pa.Table) -> list[Row]:
    """Every row with the words of its answers and options."""
    lists = {name: items.column(name).to_pylist() for name in ("answers", "options")}
    letters = items.column("letter").to_pylist()
    nested = (text for found in lists.values() for texts in found for text in texts)
    flat = [*dict.fromkeys((*nested, *letters))]
    column = words_of(pa.array(flat, pa.string()))
    words = {text: column.of(place) for place, text in enumerate(flat)}
    named = zip(*(items.column(name).to_pylist() for name in ("suite", "item", "form")), strict=True)
    return [
        Row(
            suite,
            item,
            form,
            tuple(words[text] for text in answers),
            tuple(words[text] for text in options),
            words[letter],
        )
        for (suite, item, form), answers, options, letter in zip(
            named, lists["answers"], lists["options"], letters, strict=True
        )
    ]
