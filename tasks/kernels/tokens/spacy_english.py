"""spaCy's English tokenizer over chunks: affixes come off, the rest is cut at infixes. Exact, no loop in Python.

The algorithm is spaCy 3.8's (``spacy/tokenizer.pyx``, MIT). A chunk is looked up among the special cases; prefixes and
suffixes come off one at a time, with a look-up before each; what is left is a special case, a web address (one token)
or is cut at infixes. What a character is comes as a word of bits (``gristmill.tasks.text.characters``). Left out:
digits other than 0-9 in web addresses.

Chunks of letters alone or of digits alone, most of any text, take one look-up and touch nothing else.

Cost: about 7 ns a byte of prose, 13 ns a byte of source code; 21 bytes of memory a token.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import helper, kernel
from gristmill.tasks.kernels.tokens.spacy_affixes import infix_length, prefix_length, suffix_length
from gristmill.tasks.kernels.tokens.spacy_urls import is_address
from gristmill.tasks.kernels.tokens.whitespace_split import (
    DIGIT,
    FACTOR,
    ICON,
    INFIX,
    MARK,
    NOT_DIGIT,
    PREFIX,
    SEED,
    SENTENCE_END,
)

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Chunks = tuple[Places, Places, Places, Words, Hashes, Positions]
TokenArrays = tuple[Places, Places, Places, Bytes, Hashes, Positions]

RULED = MARK | PREFIX | INFIX  # a character that some rule on affixes or infixes looks for


class Specials(NamedTuple):
    """Special cases of up to 15 characters, in an open-addressing table with a power of two of slots.

    ``keys``: hashes of the strings, 0 for a free slot. ``number``: of the special case in each slot. ``pieces``:
    characters of the up to three tokens it becomes, 8 bits each, the first lowest. ``members``: set of the first 16
    bits of the hashes. ``first``, ``last``: lengths of the special cases that begin, or end, with each ASCII character
    (127: with any other), as bits.
    """

    keys: Hashes
    number: Places
    pieces: Words
    members: Bytes
    first: npt.NDArray[np.uint16]
    last: npt.NDArray[np.uint16]


@helper
def mixed(value: np.uint64) -> np.uint64:
    """splitmix64's finaliser."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@helper
def _pieces_of(key: np.uint64, keys: Hashes, pieces: Words) -> np.uint32:
    """The pieces of the special case with this hash, 0 for none."""
    mask = np.uint64(len(keys) - 1)
    slot = (key >> np.uint64(16)) & mask
    while keys[slot] != 0:
        if keys[slot] == key:
            return np.uint32(pieces[slot])
        slot = (slot + np.uint64(1)) & mask
    return np.uint32(0)


@helper
def _special(
    data: Bytes,
    byte: Places,
    code: Words,
    states: Hashes,
    low: int,
    high: int,
    keys: Hashes,
    pieces: Words,
    first: npt.NDArray[np.uint16],
    last: npt.NDArray[np.uint16],
) -> np.uint32:
    """The pieces of the special case that characters ``low`` to ``high`` of the chunk are, 0 for none."""
    length = high - low
    if length > 15:
        return np.uint32(0)
    lengths = first[min(code[low], np.uint32(127))] & last[min(code[high - 1], np.uint32(127))]
    if not lengths >> np.uint16(length) & np.uint16(1):
        return np.uint32(0)
    return _pieces_of(_hash(data, byte, states, low, high), keys, pieces)


@helper
def _hash(data: Bytes, byte: Places, states: Hashes, low: int, high: int) -> np.uint64:
    """The hash of characters ``low`` to ``high``: FNV-1a with another factor over their bytes, mixed."""
    if low == 0:
        return mixed(states[high])
    value = np.uint64(SEED)
    for at in range(byte[low], byte[high]):
        value = (value ^ np.uint64(data[at])) * np.uint64(FACTOR)
    return mixed(value)


@kernel
def split_chunks(data: Bytes, chunks: Chunks, table: Words, specials: Specials, units: Positions) -> TokenArrays:
    """The tokens of every chunk: first byte, byte after, characters, flags, hash; and texts + 1 offsets into these.

    ``table``: properties by code point. ``units``: what comes off after a digit (``km``), each up to five characters of
    12 bits, ascending.
    """
    first, after, length, seen, value, texts = chunks
    keys, _, pieces, members, first_lengths, last_lengths = specials
    most, longest = 0, 0
    for chunk in range(len(first)):
        most += max(length[chunk], 3)
        longest = max(longest, length[chunk])
    start, end, characters = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    flags, hashes = np.empty(most, np.uint8), np.empty(most, np.uint64)
    byte, states = np.empty(longest + 1, np.int32), np.empty(longest + 1, np.uint64)
    code, bits = np.empty(longest, np.uint32), np.empty(longest, np.uint32)
    ends, suffixes = np.empty(longest + 3, np.int32), np.empty(longest, np.int32)
    offsets = np.zeros(len(texts), np.int64)
    count = 0
    for text in range(len(texts) - 1):
        for chunk in range(texts[text], texts[text + 1]):
            key = mixed(value[chunk])
            size = int(np.int64(length[chunk]))
            plain = not seen[chunk] & np.uint32(RULED)
            if plain and seen[chunk] & np.uint32(DIGIT) and seen[chunk] & np.uint32(NOT_DIGIT):
                plain = False  # a unit may come off
            place = key >> np.uint64(3) & np.uint64(0x1FFF)
            if plain and members[place] >> (key & np.uint64(7)) & np.uint64(1):
                plain = _pieces_of(key, keys, pieces) == 0
            if plain:
                start[count], end[count], characters[count] = first[chunk], after[chunk], size
                flags[count] = seen[chunk] & np.uint32(0xFF if size == 1 else 0xFF ^ SENTENCE_END)
                hashes[count] = key
                count += 1
                continue
            _decode(data, first[chunk], table, size, byte, code, bits, states)
            parts = _split(
                data, byte, code, bits, states, size, keys, pieces, first_lengths, last_lengths, units, ends, suffixes
            )
            low = 0
            for part in range(parts):
                high = int(np.int64(ends[part]))
                seen_here = np.uint32(0)
                for at in range(low, high):
                    seen_here |= bits[at]
                start[count], end[count], characters[count] = byte[low], byte[high], high - low
                flags[count] = seen_here & np.uint32(0xFF if high - low == 1 else 0xFF ^ SENTENCE_END)
                hashes[count] = _hash(data, byte, states, low, high)
                count += 1
                low = high
        offsets[text + 1] = count
    return start[:count], end[:count], characters[:count], flags[:count], hashes[:count], offsets


@helper
def _decode(
    data: Bytes, first: int, table: Words, size: int, byte: Places, code: Words, bits: Words, states: Hashes
) -> None:
    """First byte, code point and properties of ``size`` characters from byte ``first`` on, and the hash so far."""
    at = first
    state = np.uint64(SEED)
    for place in range(size):
        byte[place], states[place] = at, state
        lead = np.uint32(data[at])
        state = (state ^ np.uint64(lead)) * np.uint64(FACTOR)
        value = lead
        at += 1
        if lead >= 0x80:
            value = lead & (np.uint32(0x1F) if lead < 0xE0 else np.uint32(0x0F) if lead < 0xF0 else np.uint32(0x07))
            for _ in range(1 if lead < 0xE0 else 2 if lead < 0xF0 else 3):
                value = value << np.uint32(6) | np.uint32(data[at] & 0x3F)
                state = (state ^ np.uint64(data[at])) * np.uint64(FACTOR)
                at += 1
            value = min(value, np.uint32(0x10FFFF))
        code[place] = value
        bits[place] = table[min(value, np.uint32(len(table) - 1))]
    byte[size], states[size] = at, state


@helper
def _split(
    data: Bytes,
    byte: Places,
    code: Words,
    bits: Words,
    states: Hashes,
    size: int,
    keys: Hashes,
    pieces: Words,
    first: npt.NDArray[np.uint16],
    last: npt.NDArray[np.uint16],
    units: Positions,
    ends: Places,
    suffixes: Places,
) -> int:
    """Split the ``size`` characters of a chunk into tokens; ``ends`` gets the end of each. Returns their number."""
    low, high, count, after = 0, size, 0, 0
    special, changed = np.uint32(0), True
    while low < high:
        if changed:
            special = _special(data, byte, code, states, low, high, keys, pieces, first, last)
            if special:
                break
        prefix = prefix_length(code, bits, low, high)
        if prefix and low + prefix < high:
            special = _special(data, byte, code, states, low + prefix, high, keys, pieces, first, last)
            if special:
                low += prefix
                ends[count] = low
                count += 1
                break
        suffix = suffix_length(code, bits, low + prefix, high, units) if low + prefix < high else 0
        if suffix and low < high - suffix:
            special = _special(data, byte, code, states, low, high - suffix, keys, pieces, first, last)
            if special:
                suffixes[after] = high
                after += 1
                high -= suffix
                break
        if not prefix and not suffix:
            break
        if prefix:
            low += prefix
            ends[count] = low
            count += 1
        if suffix:
            suffixes[after] = high
            after += 1
            high -= suffix
        changed = prefix > 0 and suffix > 0
    if special:
        while special:
            low += int(np.int64(special & np.uint32(0xFF)))
            special >>= np.uint32(8)
            ends[count] = low
            count += 1
    elif low < high:
        count = _cut(code, bits, low, high, ends, count)
    for place in range(after - 1, -1, -1):
        ends[count] = suffixes[place]
        count += 1
    return count


@helper
def _cut(code: Words, bits: Words, low: int, high: int, ends: Places, count: int) -> int:
    """Cut what affixes left at its infixes, unless it is a web address. Returns the new number of tokens."""
    done, at, checked = low, low, False
    while at < high:
        if not bits[at] & (ICON | INFIX):
            at += 1
            continue
        length = infix_length(code, bits, at, low, high)
        if length and at > low:
            if not checked:
                if is_address(code, bits, low, high):
                    break
                checked = True
            if at > done:
                ends[count] = at
                count += 1
            done = at + length
            ends[count] = done
            count += 1
        at += max(length, 1)
    if done < high:
        ends[count] = high
        count += 1
    return count
