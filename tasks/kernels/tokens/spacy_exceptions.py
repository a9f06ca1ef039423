"""Special cases put together again from neighbouring tokens, as spaCy does after its rules: ``:`` ``)`` is ``:)``.

spaCy looks for the tokens that its rules alone would make of a special case (``Tokenizer._apply_special_cases``). Where
such runs overlap the longest wins, then the earliest; a run with a space in it wins too, but is left as it is.

Cost: about 2 ns a token, and some 100 ns for each pair of tokens that begins a special case.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import helper, kernel
from gristmill.tasks.kernels.tokens.spacy_english import Specials, mixed
from gristmill.tasks.kernels.tokens.whitespace_split import FACTOR, SEED

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
TokenArrays = tuple[Places, Places, Places, Bytes, Hashes, Positions]

MOST = 11  # tokens in a run


class Runs(NamedTuple):
    """What the rules alone make of each special case.

    ``parts``: (cases, 12), the number of tokens, 0 for fewer than two, then the characters of each. ``pairs``: set of
    the first two tokens of all runs, 2**16 bits. ``pieces``, ``flags``, ``hashes``: (cases, 3), characters, flags and
    hashes of the tokens it becomes, then zeros.
    """

    parts: Bytes
    pairs: Bytes
    pieces: Bytes
    flags: Bytes
    hashes: Hashes


@helper
def pair_bit(first: np.uint64, second: np.uint64) -> int:
    """Place of two tokens, given by their hashes, in the set of pairs."""
    return int((first + second * np.uint64(3)) >> np.uint64(48))


@kernel
def beginnings(data: Bytes, tokens: TokenArrays, pairs: Bytes) -> Positions:
    """Tokens that together with the next may begin a run. At most one space stands between the two."""
    start, end, _, _, hashes, offsets = tokens
    found = np.empty(len(start), np.int64)
    count = 0
    for text in range(len(offsets) - 1):
        for token in range(offsets[text], offsets[text + 1] - 1):
            bit = pair_bit(hashes[token], hashes[token + 1])
            if pairs[bit >> 3] >> (bit & 7) & 1 and _gap(data, end[token], start[token + 1]) <= 1:
                found[count] = token
                count += 1
    return found[:count].copy()


@helper
def _gap(data: Bytes, end: int, start: int) -> int:
    """0 when tokens touch, 1 when a single space is between them, else 2."""
    if start == end:
        return 0
    return 1 if start == end + 1 and data[end] == 0x20 else 2


@kernel
def merge(data: Bytes, tokens: TokenArrays, first: Positions, specials: Specials, runs: Runs) -> TokenArrays:
    """``tokens`` with every run that begins at one of ``first`` (ascending) replaced by its special case."""
    start, end, length, _, _, offsets = tokens
    most = len(first) * (MOST - 1)
    place, size, case = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    found, text = 0, 0
    for token in first:
        while offsets[text + 1] <= token:
            text += 1
        text_end = offsets[text + 1]
        value = np.uint64(SEED)
        for at in range(start[token], end[token]):
            value = (value ^ np.uint64(data[at])) * np.uint64(FACTOR)
        for last in range(token + 1, min(token + MOST, text_end)):
            if _gap(data, end[last - 1], start[last]) > 1:
                break
            for at in range(start[last], end[last]):
                value = (value ^ np.uint64(data[at])) * np.uint64(FACTOR)
            number = _case_of(mixed(value), specials.keys, specials.number)
            if number >= 0 and _same_parts(runs.parts[number], length, token, last + 1):
                place[found], size[found], case[found] = token, last + 1 - token, number
                found += 1
    chosen = _chosen(place[:found], size[:found], len(start))
    return _replaced(data, tokens, place[:found], size[:found], case[:found], chosen, runs)


@helper
def _case_of(key: np.uint64, keys: Hashes, number: Places) -> int:
    """Number of the special case with this hash, or -1."""
    mask = np.uint64(len(keys) - 1)
    slot = (key >> np.uint64(16)) & mask
    while keys[slot] != 0:
        if keys[slot] == key:
            return int(number[slot])
        slot = (slot + np.uint64(1)) & mask
    return -1


@helper
def _same_parts(parts: Bytes, length: Places, first: int, stop: int) -> bool:
    """Whether the tokens from ``first`` to ``stop`` have the lengths of the run."""
    same = bool(parts[0] == stop - first)
    for token in range(first, stop):
        same = same and bool(parts[1 + token - first] == length[token])
    return same


@kernel
def _chosen(place: Positions, size: Positions, count: int) -> npt.NDArray[np.bool_]:
    """Which of overlapping runs stay: the longer first, then the earlier; a run that loses still shadows."""
    taken = np.zeros(count, np.bool_)
    chosen = np.zeros(len(place), np.bool_)
    for wanted in range(MOST, 1, -1):
        for run in range(len(place)):
            if size[run] == wanted:
                first, stop = place[run], place[run] + wanted
                chosen[run] = not taken[first] and not taken[stop - 1]
                taken[first:stop] = True
    return chosen


@kernel
def _replaced(
    data: Bytes,
    tokens: TokenArrays,
    place: Positions,
    size: Positions,
    case: Positions,
    chosen: npt.NDArray[np.bool_],
    runs: Runs,
) -> TokenArrays:
    """The tokens with the chosen runs replaced by what their special cases become."""
    start, end, length, flags, hashes, offsets = tokens
    most = len(start) + len(place)
    starts, ends, lengths = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    all_flags, all_hashes = np.empty(most, np.uint8), np.empty(most, np.uint64)
    new_offsets = np.zeros(len(offsets), np.int64)
    count, run = 0, 0
    for text in range(len(offsets) - 1):
        token = offsets[text]
        while token < offsets[text + 1]:
            while run < len(place) and (place[run] < token or (place[run] == token and not chosen[run])):
                run += 1
            if run == len(place) or place[run] != token or _spaced(start, end, token, size[run]):
                starts[count], ends[count], lengths[count] = start[token], end[token], length[token]
                all_flags[count], all_hashes[count] = flags[token], hashes[token]
                count += 1
                token += 1
                continue
            at = start[token]
            for piece in range(3):
                characters = runs.pieces[case[run], piece]
                if characters:
                    stop = at
                    for _ in range(characters):
                        stop += 1
                        while stop < end[token + size[run] - 1] and data[stop] & 0xC0 == 0x80:
                            stop += 1
                    starts[count], ends[count], lengths[count] = at, stop, characters
                    all_flags[count], all_hashes[count] = runs.flags[case[run], piece], runs.hashes[case[run], piece]
                    count += 1
                    at = stop
            token += size[run]
        new_offsets[text + 1] = count
    return starts[:count], ends[:count], lengths[:count], all_flags[:count], all_hashes[:count], new_offsets


@helper
def _spaced(start: Places, end: Places, token: int, size: int) -> bool:
    """Whether there is a space in the run of ``size`` tokens from ``token`` on."""
    spaced = False
    for part in range(token, token + size - 1):
        spaced = spaced or end[part] != start[part + 1]
    return spaced
