"""Gopher repetition signals. Source: Rae et al. 2021, table A1; datatrove 0.10 ``gopher_repetition_filter.py``.

Lines are the pieces between runs of line feeds, paragraphs those between runs of two or more in the stripped text; the
first occurrence is no repetition. A word is any token of ``tasks.words``, marks too. Denominator of every character
ratio is the length of the text, white space and all. A document without words has 0 for its n-grams.

The most frequent n-gram (the earliest among equals) counts its characters, with one space between words, times its
occurrences, even when it occurs once. Repeated n-grams are found from left to right: one seen before counts its
characters without spaces and is jumped over; one not seen before is remembered and moves on by one word.

n-grams are equal when their words are. Upstream compares the words glued together, so that ``1 10`` equals ``11 0`` to
it; docs/signals.md says how seldom that shows. An n-gram can only be repeated where the (n-1)-gram at its start is, so
each n looks only at what n - 1 left. Cost: one sort of the tokens and a fraction more for what repeats: 10 MB/s a core
on English prose, 6 MB/s on source code.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas.config import Config
from schemas.signals import SignalsGopherRepetition
from schemas.tables import Documents
from tasks.lines import Floats, count, frame, ratio, repeated, split, stripped, total
from tasks.slices import map_slices, one_chunk
from tasks.step import step
from tasks.words import MULTIPLIER, Hashes, Positions, Tokens, token_hashes, tokenize

TOP = (2, 3, 4)
REPEATED = (5, 6, 7, 8, 9, 10)


class GopherRepetitionConfig(Config):
    """Nothing to set: the table fixes which n-grams are looked at, and the policy sets the thresholds."""


@step("gopher-repetition", version=1, reads=(Documents,), writes=(SignalsGopherRepetition,))
def gopher_repetition(documents: pa.Table, config: GopherRepetitionConfig) -> pa.Table:
    """One row of ``signals/gopher_repetition`` for each row of ``documents``, in their order."""
    return map_slices(_signals, documents)


def _signals(documents: pa.Table) -> pa.Table:
    texts = one_chunk(documents.column("text"))
    chars = pc.utf8_length(texts).to_numpy(zero_copy_only=False)
    rows = frame(texts)
    lines = split(rows, pl.col("text").str.replace_all(r"\n+", "\n"))
    paragraphs = split(rows, stripped("text").str.replace_all(r"\n{2,}", "\n\n"), "\n\n")
    columns: dict[str, pa.Array | Floats] = {"doc_id": documents.column("doc_id")}
    for name, pieces in (("line", lines), ("paragraph", paragraphs)):
        again = pieces.filter(repeated())
        columns[f"dup_{name}_ratio"] = ratio(count(again, len(texts)), count(pieces, len(texts)))
        columns[f"dup_{name}_char_ratio"] = ratio(total(again, pl.col("line").str.len_chars(), len(texts)), chars)
    columns |= {name: ratio(characters, chars) for name, characters in n_gram_characters(tokenize(texts)).items()}
    return pa.table([columns[field] for field in SignalsGopherRepetition.schema.names], SignalsGopherRepetition.schema)


def n_gram_characters(tokens: Tokens) -> dict[str, Positions]:
    """Characters in the most frequent n-gram (``top_n_gram_ratio``) and in repeated ones (``dup_n_gram_ratio``)."""
    lengths = np.zeros(len(tokens.start) + 1, np.int64)
    np.cumsum(tokens.lengths, out=lengths[1:])
    result = {}
    for grams in repeated_n_grams(tokens, max(REPEATED)):
        if grams.n in TOP:
            result[f"top_{grams.n}_gram_ratio"] = _most_frequent(tokens, grams, lengths)
        if grams.n in REPEATED:
            hits = np.array(_left_to_right(grams), np.int64)
            characters = lengths[hits + grams.n] - lengths[hits]
            result[f"dup_{grams.n}_gram_ratio"] = _sum_at(tokens, hits, characters)
    return result


@dataclass(frozen=True)
class NGrams:
    """The n-grams that occur twice or more in their document.

    ``place``: first token of each occurrence, ascending. ``group``: number of the n-gram, equal for equal n-grams of
    one document; numbers run from 0 to ``groups`` - 1.
    """

    n: int
    place: Positions
    group: npt.NDArray[np.int64]
    groups: int


def repeated_n_grams(tokens: Tokens, longest: int) -> Iterator[NGrams]:
    """The repeated n-grams for n = 2 .. ``longest``."""
    words = token_hashes(tokens)
    document = tokens.document()
    stop = tokens.offsets[1:][document]  # one past the last token of the document, for each token
    place = np.arange(len(words), dtype=np.int64)
    # Documents differ by a random number each, so that only n-grams of one document can have equal hashes.
    seeds = np.random.default_rng(0).integers(1 << 64, size=tokens.documents, dtype=np.uint64)
    hashes = words + seeds[document]
    for n in range(2, longest + 1):
        inside = place + n <= stop[place]
        place = place[inside]
        hashes = hashes[inside] * np.uint64(MULTIPLIER) + words[place + (n - 1)]
        twice, group, groups = _groups_of_two(hashes)
        place, hashes = place[twice], hashes[twice]
        yield NGrams(n, place, group, groups)


def _groups_of_two(hashes: Hashes) -> tuple[Positions, npt.NDArray[np.int64], int]:
    """Ascending indexes of the values that occur twice or more, the group of each, and the number of groups."""
    order = np.argsort(hashes)
    ordered = hashes[order]
    same = np.zeros(len(ordered) + 1, np.bool_)  # same[i]: sorted value i equals value i - 1
    np.equal(ordered[1:], ordered[:-1], out=same[1:-1])
    shared = same[:-1] | same[1:]
    group_of_sorted = np.cumsum(shared & ~same[:-1], dtype=np.int64) - 1
    group = np.full(len(hashes), -1, np.int64)
    group[order[shared]] = group_of_sorted[shared]
    twice = np.flatnonzero(group >= 0)
    return twice, group[twice], int(group_of_sorted[-1]) + 1 if len(hashes) else 0


def _most_frequent(tokens: Tokens, grams: NGrams, lengths: Positions) -> Positions:
    """For each document the length, with spaces, of its most frequent n-gram times its occurrences."""
    occurrences = np.zeros(tokens.documents, np.int64)
    first = np.zeros(tokens.documents, np.int64)
    present = tokens.counts >= grams.n  # where nothing is repeated, the first n-gram wins with one occurrence
    occurrences[present] = 1
    first[present] = tokens.offsets[:-1][present]
    times = np.bincount(grams.group, minlength=grams.groups)
    earliest = np.full(grams.groups, len(tokens.start), np.int64)
    earliest[grams.group[::-1]] = grams.place[::-1]  # the last to write is the earliest place
    document = np.searchsorted(tokens.offsets, earliest, side="right") - 1
    best = np.lexsort((earliest, -times, document))
    best = best[np.flatnonzero(np.diff(document[best], prepend=-1))]
    occurrences[document[best]] = times[best]
    first[document[best]] = earliest[best]
    last = np.minimum(first + grams.n, len(tokens.start))
    return occurrences * (lengths[last] - lengths[first] + grams.n - 1)


def _left_to_right(grams: NGrams) -> list[int]:
    """Places of the n-grams counted as repeated. Each choice depends on the one before, hence a loop over them."""
    seen = bytearray(grams.groups)
    free = 0
    hits = []
    for place, group in zip(grams.place.tolist(), grams.group.tolist(), strict=True):
        if place < free:
            continue
        if seen[group]:
            hits.append(place)
            free = place + grams.n
        else:
            seen[group] = 1
    return hits


def _sum_at(tokens: Tokens, places: Positions, values: Positions) -> Positions:
    """Sum over each document of ``values`` that stand at the tokens ``places``."""
    document = np.searchsorted(tokens.offsets, places, side="right") - 1
    return np.bincount(document, weights=values, minlength=tokens.documents).astype(np.int64)
