"""The most frequent word n-gram of each text, for n = 2, 3, 4, as RedPajama-v2 counts it.

Source: RedPajama-Data ``quality_signals/repetitions.py``, which OpenCoder uses: the earliest among equally frequent
n-grams; one that comes once counts nothing. N-grams are compared by 64-bit hashes. Cost: 15 ns a word and n; memory:
20 bytes a word of the longest text.
"""

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import kernel

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
SIZES = (2, 3, 4)
MULTIPLIER = 0x9E3779B97F4A7C15


def top_gram_ratios(hashes: Hashes, lengths: Places, offsets: Places) -> npt.NDArray[np.float64]:
    """Characters of the most frequent n-gram times its occurrences, over those of all words: [text, n - 2].

    ``hashes``, ``lengths``: one a word; the words of text i are ``offsets[i]:offsets[i + 1]``.
    """
    ratios = np.zeros((len(offsets) - 1, len(SIZES)))
    _top_gram_ratios(hashes, lengths, offsets, ratios)
    return ratios


@kernel
def _top_gram_ratios(hashes: Hashes, lengths: Places, offsets: Places, ratios: npt.NDArray[np.float64]) -> None:
    longest = 0
    for text in range(len(offsets) - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    size = 4
    while size < 2 * longest:
        size *= 2
    keys = np.empty(size, np.uint64)
    times = np.empty(size, np.int32)
    places = np.empty(size, np.int64)
    owner = np.full(size, -1, np.int64)
    for text in range(len(offsets) - 1):
        first, stop = offsets[text], offsets[text + 1]
        total = lengths[first:stop].sum()
        for n in range(2, 5):
            round_number = text * 3 + n
            best_times, best_place = 1, stop
            for word in range(first, stop - n + 1):
                key = np.uint64(0)
                for step in range(n):
                    key = (key ^ hashes[word + step]) * np.uint64(MULTIPLIER)
                    key ^= key >> np.uint64(32)
                slot = key & np.uint64(size - 1)
                while owner[slot] == round_number and keys[slot] != key:
                    slot = (slot + np.uint64(1)) & np.uint64(size - 1)
                if owner[slot] != round_number:
                    owner[slot], keys[slot], times[slot], places[slot] = round_number, key, 0, word
                times[slot] += 1
                if times[slot] > best_times or (times[slot] == best_times > 1 and places[slot] < best_place):
                    best_times, best_place = times[slot], places[slot]
            if best_times > 1 and total > 0:
                ratios[text, n - 2] = lengths[best_place : best_place + n].sum() * best_times / total
