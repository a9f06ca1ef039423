"""Byte-pair encoding (Sennrich et al. 2016) over bytes: texts to token ids.

A text is cut by ``gpt_split``; in each piece the pair of least rank is merged, the first of equals, until none is left.
Most pieces come again and again: their tokens are kept by the bytes of the piece, and forgotten together when the room
is used up, so memory is bounded and what is kept never changes a result. A whole piece that is an entry of the
vocabulary can be that entry whatever the merges say (``ignore_merges`` of Llama 3).

Cost: on one core 15 ns a byte of English prose that is known, some 100 ns a byte of a piece that is new. The pairs of a
piece are searched again after each merge: square in its length, so pieces are limited to ``LONGEST`` bytes.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import helper, kernel
from gristmill.tasks.kernels.tokens.gpt_split import character, piece_end

Bytes = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

LONGEST = 512
KEPT = 64  # the longest piece whose tokens are kept, in bytes
FREE = -1
_NEVER = np.int32(0x7FFFFFFF)
_FACTOR, _MIXER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
_SHIFT = np.uint64(32)


class Merges(NamedTuple):
    """Merges by pair, in an open hash table of a power of two of places; ``FREE`` ranks where there is none.

    ``of_byte`` (256,): the id of each byte. ``keys``: left id in the upper half, right id in the lower one.
    """

    of_byte: Ids
    keys: Hashes
    ranks: Ids
    ids: Ids


class Pieces(NamedTuple):
    """Tokens of pieces, by their bytes: those of ``data[ends[e - 1]:ends[e]]`` are ``ids[id_ends[e - 1]:id_ends[e]]``.

    ``slots``: a hash table of a power of two of entry numbers e from 1, 0 for none; at most half are taken. ``used``
    (1,): the last entry.
    """

    slots: Ids
    hashes: Hashes
    data: Bytes
    ends: Ids
    ids: Ids
    id_ends: Ids
    used: Ids


@kernel
def fill_merges(pairs: Hashes, merged: Ids, merges: Merges) -> None:
    """Enter pairs, in the order of their ranks, with what each becomes. A pair that comes again keeps its last rank."""
    for rank in range(len(pairs)):
        slot = _slot_of(pairs[rank], merges.keys, merges.ranks)
        merges.keys[slot] = pairs[rank]
        merges.ranks[slot] = rank
        merges.ids[slot] = merged[rank]


@kernel
def fill_pieces(data: Bytes, bounds: Positions, ids: Ids, pieces: Pieces) -> None:
    """Enter pieces of one token each: piece i is ``data[bounds[i]:bounds[i + 1]]``. There has to be room."""
    for place in range(len(ids)):
        start, end = bounds[place], bounds[place + 1]
        _keep(pieces, data, start, end, _hash(data, start, end), ids, place, place + 1)


@kernel
def encode(
    data: Bytes,
    bounds: Positions,
    classes: Bytes,
    rule: int,
    digits: int,
    merges: Merges,
    whole: Pieces,
    known: Pieces,
    out: Ids,
    ends: Positions,
) -> None:
    """Tokens of every text, one after another, in ``out``; ``ends[i]``: one past the last of text i.

    Text i is ``data[bounds[i]:bounds[i + 1]]``. A text with a piece of more than ``LONGEST`` bytes gets no tokens and
    the complement (``~``) of its end. ``whole``: pieces that are entries of the vocabulary. ``known`` is added to.
    ``out`` has room for a token a byte.
    """
    ids = np.empty(LONGEST, np.int32)
    ranks = np.empty(LONGEST, np.int32)
    count = 0
    for text in range(len(bounds) - 1):
        at, stop = bounds[text], bounds[text + 1]
        begun = count
        while at < stop:
            end = piece_end(data, at, stop, classes, rule, digits)
            if end - at > LONGEST:
                break
            count = _encode_piece(data, at, end, merges, whole, known, ids, ranks, out, count)
            at = end
        if at < stop:
            count = begun
            ends[text] = ~count
        else:
            ends[text] = count


@kernel
def holds(data: Bytes, bounds: Positions, marked: Bytes) -> npt.NDArray[np.bool_]:
    """For each text whether it has a marked character. ``marked``: 0 or 1 by code point."""
    found = np.zeros(len(bounds) - 1, np.bool_)
    for text in range(len(bounds) - 1):
        at, stop = bounds[text], bounds[text + 1]
        while at < stop:
            width, mark = character(data, at, marked)
            if mark:
                found[text] = True
                break
            at += width
    return found


@helper
def _encode_piece(
    data: Bytes,
    start: int,
    end: int,
    merges: Merges,
    whole: Pieces,
    known: Pieces,
    ids: Ids,
    ranks: Ids,
    out: Ids,
    count: int,
) -> int:
    """Append the tokens of a piece to ``out``; gives the new count."""
    if end - start == 1:
        out[count] = merges.of_byte[data[start]]
        return count + 1
    value = _hash(data, start, end)
    entry = _find(known, data, start, end, value)
    if entry:
        for place in range(known.id_ends[entry - 1], known.id_ends[entry]):
            out[count] = known.ids[place]
            count += 1
        return count
    entry = _find(whole, data, start, end, value)
    if entry:
        out[count] = whole.ids[whole.id_ends[entry - 1]]
        tokens = 1
    else:
        tokens = _merge(data, start, end, merges, ids, ranks)
        for place in range(tokens):
            out[count + place] = ids[place]
    if end - start <= KEPT:
        _keep(known, data, start, end, value, out, count, count + tokens)
    return count + tokens


@helper
def _merge(data: Bytes, start: int, end: int, merges: Merges, ids: Ids, ranks: Ids) -> int:
    """Leave the tokens of a piece in ``ids``; gives their number. ``ranks[i]``: of the pair i, i + 1."""
    length = end - start
    for place in range(length):
        ids[place] = merges.of_byte[data[start + place]]
    for place in range(length - 1):
        ranks[place] = _rank(merges, ids[place], ids[place + 1])
    while length > 1:
        best, least = 0, _NEVER
        for place in range(length - 1):
            if ranks[place] < least:
                best, least = place, ranks[place]
        if least == _NEVER:
            break
        ids[best] = _merged(merges, ids[best], ids[best + 1])
        length -= 1
        for place in range(best + 1, length):
            ids[place] = ids[place + 1]
            ranks[place] = ranks[place + 1]
        if best > 0:
            ranks[best - 1] = _rank(merges, ids[best - 1], ids[best])
        if best < length - 1:
            ranks[best] = _rank(merges, ids[best], ids[best + 1])
    return length


@helper
def _rank(merges: Merges, left: int, right: int) -> np.int32:
    """The rank of a pair, ``_NEVER`` for one that is not merged."""
    slot = _slot_of(np.uint64(left) << _SHIFT | np.uint64(right), merges.keys, merges.ranks)
    return _NEVER if merges.ranks[slot] == FREE else merges.ranks[slot]


@helper
def _merged(merges: Merges, left: int, right: int) -> np.int32:
    """What a pair becomes."""
    slot = _slot_of(np.uint64(left) << _SHIFT | np.uint64(right), merges.keys, merges.ranks)
    found: np.int32 = merges.ids[slot]
    return found


@helper
def _slot_of(key: np.uint64, keys: Hashes, ranks: Ids) -> np.int64:
    """The place of a pair, or the free one where it would be."""
    mixed = key * _FACTOR
    mask = np.int64(len(keys) - 1)
    slot = np.int64(mixed >> _SHIFT) & mask
    while ranks[slot] != FREE and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@helper
def _hash(data: Bytes, start: int, end: int) -> np.uint64:
    """A hash of the bytes of a piece."""
    value = np.uint64(end - start)
    for place in range(start, end):
        value = (value ^ np.uint64(data[place])) * _FACTOR
    return (value ^ value >> _SHIFT) * _MIXER


@helper
def _find(pieces: Pieces, data: Bytes, start: int, end: int, value: np.uint64) -> int:
    """The entry of a piece, 0 for none."""
    mask = len(pieces.slots) - 1
    slot = np.int64(value >> _SHIFT) & mask
    while True:
        entry = int(pieces.slots[slot])
        if not entry:
            return 0
        if pieces.hashes[entry] == value:
            first, length = pieces.ends[entry - 1], pieces.ends[entry] - pieces.ends[entry - 1]
            if length == end - start:
                same = True
                for place in range(length):
                    same &= pieces.data[first + place] == data[start + place]
                if same:
                    return entry
        slot = (slot + 1) & mask


@helper
def _keep(pieces: Pieces, data: Bytes, start: int, end: int, value: np.uint64, ids: Ids, first: int, last: int) -> None:
    """Enter a piece with its tokens ``ids[first:last]``, after forgetting all when there is no more room."""
    entry = pieces.used[0]
    if (
        entry + 1 >= len(pieces.ends)
        or pieces.ends[entry] + end - start > len(pieces.data)
        or pieces.id_ends[entry] + last - first > len(pieces.ids)
    ):
        pieces.slots[:] = 0
        entry = 0
    entry += 1
    mask = len(pieces.slots) - 1
    slot = np.int64(value >> _SHIFT) & mask
    while pieces.slots[slot]:
        slot = (slot + 1) & mask
    pieces.slots[slot] = entry
    pieces.hashes[entry] = value
    place = pieces.ends[entry - 1]
    for byte in range(start, end):
        pieces.data[place] = data[byte]
        place += 1
    pieces.ends[entry] = place
    place = pieces.id_ends[entry - 1]
    for token in range(first, last):
        pieces.ids[place] = ids[token]
        place += 1
    pieces.id_ends[entry] = place
    pieces.used[0] = entry
