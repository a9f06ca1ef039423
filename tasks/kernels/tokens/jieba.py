"""jieba's segmentation of Chinese, over code points: a most probable path, and a hidden Markov model for what is left.

Source: jieba 0.42 (MIT), ``jieba/__init__.py`` (``__cut_DAG``) and ``jieba/finalseg``.

A run of Han, Latin letters, digits and ``+#&._%-`` is cut along the most probable path through the dictionary: from the
right, the best sum of log frequencies for every place. Characters that stay single on that path and are next to each
other are joined and cut again by the hidden Markov model (states Begin, Middle, End, Single), unless together they are
a word. Every other character that is not white space is a word of its own. Sums are taken in jieba's order, so that
ties and rounding are the same. Cost: about 25 MB/s a core of UTF-8.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import helper, kernel

Codes = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Weights = npt.NDArray[np.float64]
Classes = npt.NDArray[np.uint8]
Jumps = npt.NDArray[np.int32]
States = npt.NDArray[np.int8]

HAN_FIRST, HAN_LAST = 0x4E00, 0x9FD5
STATES = "BEMS"  # in the order in which jieba breaks ties: the later letter wins
BEGIN, END, MIDDLE, SINGLE = range(4)
MULTIPLIER = 0x9E3779B97F4A7C15
OTHER, SPACE, HAN, LATIN, DIGIT, MARK = range(6)  # classes of characters; from HAN on they are cut by the dictionary


class Dictionary(NamedTuple):
    """jieba's words as a hash table, and its hidden Markov model.

    ``keys``: hash of a word or of the beginning of one, 0 where the table is empty. ``weights``: log frequency less the
    log of the total, NaN for what is not a word. ``unknown``: the weight of a character that is not a word.
    ``emissions``: [state, character from U+4E00], ``transitions``: [from, to], ``starts``: [state], ``before``: the two
    states that each state can follow.
    """

    keys: Hashes
    weights: Weights
    unknown: float
    emissions: Weights
    transitions: Weights
    starts: Weights
    before: Places


@helper
def _slot(keys: Hashes, key: np.uint64) -> np.uint64:
    """Index of ``key`` in the table, or of the empty place where it would stand."""
    mask = np.uint64(len(keys) - 1)
    mixed = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    place = (mixed ^ (mixed >> np.uint64(27))) & mask
    while keys[place] != 0 and keys[place] != key:
        place = (place + np.uint64(1)) & mask
    return place


@kernel
def hash_table(codes: Codes, bounds: Places, weights: Weights, size: int) -> tuple[Hashes, Weights]:
    """The hash table of all words and all beginnings of words: keys, and values that are NaN for what is not a word.

    Word ``i`` is ``codes[bounds[i]:bounds[i + 1]]``. ``size``: slots, a power of two.
    """
    keys = np.zeros(size, np.uint64)
    values = np.full(size, np.nan)
    for word in range(len(bounds) - 1):
        key = np.uint64(0)
        for place in range(bounds[word], bounds[word + 1]):
            key = (key + np.uint64(codes[place] + 1)) * np.uint64(MULTIPLIER)
            slot = _slot(keys, key)
            keys[slot] = key
            if place == bounds[word + 1] - 1:
                values[slot] = weights[word]
    return keys, values


@kernel
def cut_words(codes: Codes, bounds: Places, classes: Classes, dictionary: Dictionary) -> tuple[Places, Places, Places]:
    """Start and end of every word (places in ``codes``), and the texts + 1 offsets into these.

    Text ``i`` is ``codes[bounds[i]:bounds[i + 1]]``. ``classes``: of each code point of the first plane; the last entry
    is that of all later ones. Memory: 25 bytes a character of the longest text, and 16 a character of all.
    """
    keys, weights, unknown, emissions, transitions, starts, before = dictionary
    longest = 0
    for text in range(len(bounds) - 1):
        longest = max(longest, bounds[text + 1] - bounds[text])
    start = np.empty(len(codes), np.int64)
    end = np.empty(len(codes), np.int64)
    offsets = np.zeros(len(bounds), np.int64)
    best = np.empty(longest + 1)
    jump = np.empty(longest + 1, np.int32)
    came = np.empty((longest, 4), np.int8)
    states = np.empty(longest, np.int8)
    odds = np.empty((2, 4))
    count = 0
    for text in range(len(bounds) - 1):
        place, stop = bounds[text], bounds[text + 1]
        while place < stop:
            kind = classes[min(codes[place], np.uint32(0xFFFF))]
            last = place + 1
            if kind >= HAN:
                while last < stop and classes[min(codes[last], np.uint32(0xFFFF))] >= HAN:
                    last += 1
                _best_path(codes, place, last, keys, weights, unknown, best, jump)
                first = place
                while place < last:
                    following = jump[place - first] + place
                    if following - place > 1:
                        start[count], end[count] = place, following
                        count += 1
                        place = following
                        continue
                    alone = place
                    while alone < last and jump[alone - first] == 1:
                        alone += 1
                    if alone - place > 1 and not _is_word(codes, place, alone, keys, weights):
                        count = _recognise(
                            codes,
                            place,
                            alone,
                            classes,
                            emissions,
                            transitions,
                            starts,
                            before,
                            came,
                            states,
                            odds,
                            start,
                            end,
                            count,
                        )
                    else:
                        for single in range(place, alone):
                            start[count], end[count] = single, single + 1
                            count += 1
                    place = alone
            elif kind == OTHER:
                start[count], end[count] = place, last
                count += 1
            place = last
        offsets[text + 1] = count
    return start[:count].copy(), end[:count].copy(), offsets


@helper
def _best_path(
    codes: Codes, first: int, last: int, keys: Hashes, weights: Weights, unknown: float, best: Weights, jump: Jumps
) -> None:
    """``jump[i]``: characters of the word that begins at ``first + i`` on the most probable path to ``last``."""
    best[last - first] = 0.0
    for place in range(last - 1, first - 1, -1):
        key = np.uint64(0)
        found = False
        for stop in range(place, last):
            key = (key + np.uint64(codes[stop] + 1)) * np.uint64(MULTIPLIER)
            slot = _slot(keys, key)
            if keys[slot] == 0:
                break
            weight = weights[slot]
            if weight == weight:
                value = weight + best[stop + 1 - first]
                if not found or value >= best[place - first]:
                    best[place - first] = value
                    jump[place - first] = stop + 1 - place
                    found = True
        if not found:
            best[place - first] = unknown + best[place + 1 - first]
            jump[place - first] = 1


@helper
def _is_word(codes: Codes, first: int, last: int, keys: Hashes, weights: Weights) -> bool:
    """Whether the characters together are a word of the dictionary."""
    key = np.uint64(0)
    for place in range(first, last):
        key = (key + np.uint64(codes[place] + 1)) * np.uint64(MULTIPLIER)
    slot = _slot(keys, key)
    return bool(keys[slot] != 0 and weights[slot] == weights[slot])


@helper
def _recognise(
    codes: Codes,
    first: int,
    last: int,
    classes: Classes,
    emissions: Weights,
    transitions: Weights,
    starts: Weights,
    before: Places,
    came: States,
    states: States,
    odds: Weights,
    start: Places,
    end: Places,
    count: int,
) -> int:
    """Words in characters that the dictionary left alone; returns the number of words so far (jieba's finalseg)."""
    place = first
    while place < last:
        stop = place + 1
        kind = classes[codes[place]]
        if kind == HAN:
            while stop < last and classes[codes[stop]] == HAN:
                stop += 1
            count = _viterbi(
                codes, place, stop, emissions, transitions, starts, before, came, states, odds, start, end, count
            )
        elif kind != MARK:
            while stop < last and (classes[codes[stop]] == LATIN or classes[codes[stop]] == DIGIT):
                stop += 1
            if stop + 1 < last and codes[stop] == ord(".") and classes[codes[stop + 1]] == DIGIT:
                stop += 2
                while stop < last and classes[codes[stop]] == DIGIT:
                    stop += 1
            if stop < last and codes[stop] == ord("%"):
                stop += 1
            start[count], end[count] = place, stop
            count += 1
        else:
            while stop < last and classes[codes[stop]] == MARK:
                stop += 1
            start[count], end[count] = place, stop
            count += 1
        place = stop
    return count


@helper
def _viterbi(
    codes: Codes,
    first: int,
    last: int,
    emissions: Weights,
    transitions: Weights,
    starts: Weights,
    before: Places,
    came: States,
    states: States,
    odds: Weights,
    start: Places,
    end: Places,
    count: int,
) -> int:
    """Words of a run of Han by the most probable states; returns the number of words so far."""
    size = last - first
    for state in range(4):
        odds[0, state] = starts[state] + emissions[state, codes[first] - HAN_FIRST]
    for place in range(1, size):
        now, then = place & 1, 1 - (place & 1)
        for state in range(4):
            emission = emissions[state, codes[first + place] - HAN_FIRST]
            one, two = before[state, 0], before[state, 1]
            likely = odds[then, one] + transitions[one, state] + emission
            other = odds[then, two] + transitions[two, state] + emission
            if other > likely or (other == likely and two > one):
                one, likely = two, other
            odds[now, state] = likely
            came[place, state] = one
    now = (size - 1) & 1
    states[size - 1] = SINGLE if odds[now, SINGLE] >= odds[now, END] else END
    for place in range(size - 1, 0, -1):
        states[place - 1] = came[place, states[place]]
    begin = 0
    following = 0
    for place in range(size):
        state = states[place]
        if state == BEGIN:
            begin = place
        elif state == END:
            start[count], end[count] = first + begin, first + place + 1
            count += 1
            following = place + 1
        elif state == SINGLE:
            start[count], end[count] = first + place, first + place + 1
            count += 1
            following = place + 1
    if following < size:
        start[count], end[count] = first + following, last
        count += 1
    return count
