"""Repeated word n-grams as DCLM's baseline counts them, for all documents of a slice at once.

Source: DCLM ``repetition_filter`` (baselines/mappers/filters/content_filters.py). For n = 2, 3, 4 the characters of the
most frequent n-gram (the longest among equally frequent ones) times its occurrences, over the characters of all words;
for n = 5 to 10 the characters of the words that lie in any n-gram that occurs twice or more, over the same.

An n-gram can only occur twice where the (n-1)-gram at its start does, so each n looks at what n - 1 left. N-grams are
compared by 64-bit hashes. Cost: about 0.1 µs a word, more where much is repeated. Memory: 40 bytes a word of the
longest document.
"""

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import kernel

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
Ratios = npt.NDArray[np.float64]

LONGEST = 10


def repeated_characters(hashes: Hashes, lengths: Counts, offsets: Counts) -> Ratios:
    """Nine ratios a document, for n = 2 .. 10; shape (documents, 9).

    ``hashes``: one a word, equal for equal words. ``lengths``: characters of each word. ``offsets``: documents + 1
    numbers, the words of document i are ``offsets[i]:offsets[i + 1]``.
    """
    ratios = np.zeros((len(offsets) - 1, LONGEST - 1), np.float64)
    _repeats(hashes, lengths, offsets, ratios)
    return ratios


@kernel
def _repeats(hashes: Hashes, lengths: Counts, offsets: Counts, ratios: Ratios) -> None:
    longest = 0
    for document in range(len(offsets) - 1):
        longest = max(longest, offsets[document + 1] - offsets[document])
    size = 4
    while size < 2 * longest:
        size *= 2
    table = np.zeros(size, np.uint64)
    times = np.zeros(size, np.int64)
    stamp = np.zeros(size, np.int64)
    slots = np.zeros(longest, np.int64)
    grams = np.zeros(longest, np.uint64)
    place = np.zeros(longest, np.int64)
    round_number = 0
    for document in range(len(offsets) - 1):
        first, stop = offsets[document], offsets[document + 1]
        total = 0
        for word in range(first, stop):
            total += lengths[word]
        found = stop - first
        for k in range(found):
            place[k] = first + k
            grams[k] = hashes[first + k]
        mask = 3
        while mask + 1 < 2 * found:
            mask = 2 * mask + 1
        for n in range(2, LONGEST + 1):
            round_number += 1
            inside = 0
            for k in range(found):
                if place[k] + n <= stop:
                    gram = grams[k] * np.uint64(0x9E3779B97F4A7C15) + hashes[place[k] + n - 1]
                    gram ^= gram >> np.uint64(29)
                    slot = np.int64((gram * np.uint64(0xBF58476D1CE4E5B9)) >> np.uint64(32)) & mask
                    while stamp[slot] == round_number and table[slot] != gram:
                        slot = (slot + 1) & mask
                    if stamp[slot] != round_number:
                        stamp[slot] = round_number
                        table[slot] = gram
                        times[slot] = 0
                    times[slot] += 1
                    place[inside], grams[inside], slots[inside] = place[k], gram, slot
                    inside += 1
            found = 0
            most, most_characters, covered, reached = 1, 0, 0, 0
            for k in range(inside):
                repeated = times[slots[k]]
                if repeated < 2:
                    continue
                begin, end = place[k], place[k] + n
                if n <= 4 and repeated >= most:
                    characters = 0
                    for word in range(begin, end):
                        characters += lengths[word]
                    if repeated > most or characters > most_characters:
                        most_characters = characters
                    most = repeated
                if n > 4:
                    for word in range(max(begin, reached), end):
                        covered += lengths[word]
                    reached = end
                place[found], grams[found] = place[k], grams[k]
                found += 1
            if found == 0:
                break
            ratios[document, n - 2] = (most * most_characters if n <= 4 else covered) / total
