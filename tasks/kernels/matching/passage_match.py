"""Passages of a corpus that share n-grams with indexed texts, and how much of each text they hold.

``fold_words`` cuts UTF-8 text into hashed tokens by a table of code points. ``find_passages`` walks over the tokens
once: every n-gram is looked up, and a hit feeds one running passage for each text that holds the n-gram. A passage ends
when its text has gained nothing new for too long. Scanning from left to right, with every position looked up, a
passage is what growing a hit in both directions gives, with no seeds to choose. ``align`` measures a passage by the
edit distance to the text, weighted by word, anywhere in a window around it (Sellers 1980).

Cost: about 4 ns a byte of English to cut; to look up, 3 ns a byte with an index that fits the caches and 9 ns with two
million n-grams. ``align`` takes tokens of the text times tokens of the window and runs for promising passages only.
"""

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import helper, kernel

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Weights = npt.NDArray[np.float32]

ALONE = 1 << 31  # in the table: this character is a token by itself
PASSED_OVER = ALONE  # in the table: this character neither separates nor counts
SEED, FACTOR = 0xCBF29CE484222325, 0x9E3779B97F4A7C15
BASE = 0xD6E8FEB86659FD93  # of the polynomial over the tokens of an n-gram; odd


@kernel
def fold_words(data: Bytes, bounds: Positions, table: Words) -> tuple[Hashes, Places, Places, Positions]:
    """Tokens of every text: hash, first byte, byte after it (both within ``data``), and texts + 1 offsets into these.

    ``bounds``: text i is ``data[bounds[i]:bounds[i + 1]]``. ``table``: for every code point what it is folded to, 0 for
    what separates, with ``ALONE`` for a token of one character, or ``PASSED_OVER``; of those beyond the
    table tags and variation selectors are passed over, and the rest separate.
    """
    most = bounds[-1] - bounds[0]
    hashes, start, end = np.empty(most, np.uint64), np.empty(most, np.int32), np.empty(most, np.int32)
    offsets = np.zeros(len(bounds), np.int64)
    limit = np.uint32(len(table))
    count = 0
    for text in range(len(bounds) - 1):
        at, stop = bounds[text], bounds[text + 1]
        value, open_at = np.uint64(SEED), -1
        while at < stop:
            code, width = np.uint32(data[at]), 1
            if code >= 0x80:
                code, width = _decode(data, at)
            beyond = PASSED_OVER if code >= 0xE0000 and code < 0xE1000 else 0
            folded = table[code] if code < limit else np.uint32(beyond)
            if folded and not folded & np.uint32(ALONE):
                if open_at < 0:
                    open_at, value = at, np.uint64(SEED)
                value = (value ^ np.uint64(folded)) * np.uint64(FACTOR)
                at += width
                continue
            if folded == np.uint32(PASSED_OVER):
                at += width
                continue
            if open_at >= 0:
                hashes[count], start[count], end[count] = _mix(value), open_at, at
                count += 1
                open_at = -1
            if folded:
                value = (np.uint64(SEED) ^ np.uint64(folded & np.uint32(0x7FFFFFFF))) * np.uint64(FACTOR)
                hashes[count], start[count], end[count] = _mix(value), at, at + width
                count += 1
            at += width
        if open_at >= 0:
            hashes[count], start[count], end[count] = _mix(value), open_at, stop
            count += 1
        offsets[text + 1] = count
    return hashes[:count].copy(), start[:count].copy(), end[:count].copy(), offsets


@kernel
def n_grams(hashes: Hashes, offsets: Positions, n: int) -> tuple[Hashes, Positions]:
    """Hash of every n-gram of every text in order, and texts + 1 offsets; a text below n tokens has none."""
    places = np.zeros(len(offsets), np.int64)
    for text in range(len(offsets) - 1):
        places[text + 1] = places[text] + max(0, offsets[text + 1] - offsets[text] - n + 1)
    grams = np.empty(places[-1], np.uint64)
    power = _power(n)
    for text in range(len(offsets) - 1):
        rolling = np.uint64(0)
        for token in range(offsets[text], offsets[text + 1]):
            rolling = rolling * np.uint64(BASE) + hashes[token]
            if token - n >= offsets[text]:
                rolling -= hashes[token - n] * power
            if token - n + 1 >= offsets[text]:
                grams[places[text] + token - n + 1 - offsets[text]] = _mix(rolling)
    return grams, places


@kernel
def make_table(grams: Hashes) -> tuple[Hashes, Places, Words]:
    """A hash table over distinct ``grams``: keys, the number of the gram by slot (-1 where free), and a bit filter."""
    size = 16
    while size < 2 * len(grams):
        size *= 2
    keys, number = np.zeros(size, np.uint64), np.full(size, -1, np.int32)
    bits = np.zeros(size // 2, np.uint32)  # 16 bits a slot, 32 a gram: one lookup in 32 is a false positive
    mask, reach = np.uint64(size - 1), np.uint64(16 * size - 1)
    for gram in range(len(grams)):
        slot = grams[gram] & mask
        while number[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        keys[slot], number[slot] = grams[gram], gram
        bit = (grams[gram] >> np.uint64(20)) & reach
        bits[bit >> np.uint64(5)] |= np.uint32(1) << np.uint32(bit & np.uint64(31))
    return keys, number, bits


@kernel
def find_passages(
    hashes: Hashes,
    offsets: Positions,
    n: int,
    keys: Hashes,
    number: Places,
    bits: Words,
    posting_offsets: Positions,
    postings: Places,
    needed: Places,
    reach: Places,
) -> tuple[Places, Places, Places, Places]:
    """Passages of the corpus that share enough n-grams with an indexed text.

    ``keys``, ``number``, ``bits``: see :func:`make_table`. Gram g stands in the texts
    ``postings[posting_offsets[g]:posting_offsets[g + 1]]``, each named once. ``needed``: distinct n-grams that a
    passage has to share with the text; ``reach``: positions without a new one after which it ends. Returns document,
    text, first token and the token after the last, both counted within the document, by document and end.
    """
    texts = len(needed)
    last, begun = np.full(texts, -1, np.int64), np.zeros(texts, np.int64)
    covered, stamp = np.zeros(texts, np.int32), np.zeros(texts, np.int64)
    seen = np.zeros(len(postings), np.int64)
    touched = np.empty(texts, np.int32)
    room, count, fresh = 256, 0, 0
    found = np.empty((room, 4), np.int32)
    mask, far = np.uint64(len(keys) - 1), np.uint64(16 * len(keys) - 1)
    power = _power(n)
    for document in range(len(offsets) - 1):
        low, high = offsets[document], offsets[document + 1]
        rolling, active = np.uint64(0), 0
        for token in range(low, high):
            rolling = rolling * np.uint64(BASE) + hashes[token]
            if token - n >= low:
                rolling -= hashes[token - n] * power
            place = token - n + 1
            if place < low:
                continue
            gram = _mix(rolling)
            bit = (gram >> np.uint64(20)) & far
            if not bits[bit >> np.uint64(5)] >> np.uint32(bit & np.uint64(31)) & np.uint32(1):
                continue
            slot = gram & mask
            while number[slot] >= 0 and keys[slot] != gram:
                slot = (slot + np.uint64(1)) & mask
            if number[slot] < 0:
                continue
            for posting in range(posting_offsets[number[slot]], posting_offsets[number[slot] + 1]):
                text = postings[posting]
                if last[text] < 0:
                    touched[active] = text
                    active += 1
                if last[text] < 0 or place - last[text] > reach[text]:
                    if last[text] >= 0 and covered[text] >= needed[text]:
                        found, count = _keep(found, count, document, text, begun[text] - low, last[text] + n - low)
                    fresh += 1
                    stamp[text], begun[text], covered[text], last[text] = fresh, place, 0, place
                if seen[posting] != stamp[text]:
                    seen[posting] = stamp[text]
                    covered[text] += 1
                    last[text] = place
        for entry in range(active):
            text = touched[entry]
            if covered[text] >= needed[text]:
                found, count = _keep(found, count, document, text, begun[text] - low, last[text] + n - low)
            last[text] = -1
    kept = found[:count]
    return kept[:, 0].copy(), kept[:, 1].copy(), kept[:, 2].copy(), kept[:, 3].copy()


@kernel
def align(
    hashes: Hashes, first: Positions, stop: Positions, words: Hashes, weights: Weights, begin: Positions, end: Positions
) -> tuple[npt.NDArray[np.float64], Positions, Positions]:
    """For each pair, the share of a text that stands in a window of the corpus, and where in ``hashes`` it stands.

    The window is ``hashes[first:stop]``, the text ``words[begin:end]`` with the weight of each token. The share is one
    minus the least cost of turning some part of the window into the text, over the sum of weights: a token that is
    missing or other than in the text costs its weight, one too many the mean weight. At least 0.
    """
    pairs = len(first)
    share, low, high = np.zeros(pairs, np.float64), first.copy(), first.copy()
    longest = 0
    for pair in range(pairs):
        longest = max(longest, end[pair] - begin[pair])
    cost, origin = np.empty(longest + 1, np.float64), np.empty(longest + 1, np.int64)
    for pair in range(pairs):
        size = end[pair] - begin[pair]
        total = 0.0
        cost[0] = 0.0
        for row in range(size):
            total += weights[begin[pair] + row]
            cost[row + 1] = total
        extra = total / size
        for row in range(size + 1):
            origin[row] = first[pair]
        best = total
        for column in range(first[pair], stop[pair]):
            diagonal, diagonal_origin = cost[0], origin[0]
            origin[0] = column + 1
            for row in range(1, size + 1):
                weight = weights[begin[pair] + row - 1]
                lowest, source = diagonal, diagonal_origin
                if words[begin[pair] + row - 1] != hashes[column]:
                    lowest += weight
                diagonal, diagonal_origin = cost[row], origin[row]
                if diagonal + extra < lowest:
                    lowest, source = diagonal + extra, diagonal_origin
                if cost[row - 1] + weight < lowest:
                    lowest, source = cost[row - 1] + weight, origin[row - 1]
                cost[row], origin[row] = lowest, source
            if cost[size] < best:
                best, low[pair], high[pair] = cost[size], origin[size], column + 1
        share[pair] = 1.0 - best / total if total > 0 else 0.0
    return share, low, high


@helper
def _decode(data: Bytes, at: int) -> tuple[np.uint32, int]:
    """Code point and bytes of the character at ``at``, which is not ASCII."""
    first = np.uint32(data[at])
    low = np.uint32(data[at + 1] & 0x3F)
    if first < 0xE0:
        return (first & np.uint32(0x1F)) << np.uint32(6) | low, 2
    low = low << np.uint32(6) | np.uint32(data[at + 2] & 0x3F)
    if first < 0xF0:
        return (first & np.uint32(0x0F)) << np.uint32(12) | low, 3
    low = low << np.uint32(6) | np.uint32(data[at + 3] & 0x3F)
    return (first & np.uint32(0x07)) << np.uint32(18) | low, 4


@helper
def _mix(value: np.uint64) -> np.uint64:
    value = (value ^ value >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ value >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return value ^ value >> np.uint64(31)


@helper
def _power(n: int) -> np.uint64:
    power = np.uint64(1)
    for _ in range(n):
        power = power * np.uint64(BASE)
    return power


@kernel
def _keep(
    found: Places, count: int, document: int, text: int, first: int, last: int
) -> tuple[npt.NDArray[np.int32], int]:
    """``found`` with one more row, twice as long when it was full."""
    if count == len(found):
        longer = np.empty((2 * count, 4), np.int32)
        longer[:count] = found
        found = longer
    found[count, 0], found[count, 1], found[count, 2], found[count, 3] = document, text, first, last
    return found, count + 1
