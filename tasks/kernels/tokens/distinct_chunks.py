"""Chunks between white space by hash, so that a tokenizer in Python cuts each distinct chunk once.

``chunk_hashes`` finds the chunks of a text; once the distinct ones are cut, ``expand`` gives the tokens of all.
"""

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.common.compiled import kernel

Codes = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

MULTIPLIER = 0x9E3779B97F4A7C15


@kernel
def chunk_hashes(codes: Codes, spaces: npt.NDArray[np.bool_]) -> tuple[Places, Places, Hashes]:
    """Start, end and hash of every chunk of ``codes``. ``spaces``: the white space among code points."""
    first = np.empty(len(codes) // 2 + 1, np.int64)
    last = np.empty(len(codes) // 2 + 1, np.int64)
    hashes = np.empty(len(codes) // 2 + 1, np.uint64)
    count = 0
    place = 0
    while place < len(codes):
        if codes[place] < len(spaces) and spaces[codes[place]]:
            place += 1
            continue
        first[count] = place
        key = np.uint64(0)
        while place < len(codes) and not (codes[place] < len(spaces) and spaces[codes[place]]):
            key = (key + np.uint64(codes[place] + 1)) * np.uint64(MULTIPLIER)
            key ^= key >> np.uint64(29)
            place += 1
        last[count] = place
        hashes[count] = key
        count += 1
    return first[:count].copy(), last[:count].copy(), hashes[:count].copy()


@kernel
def expand(first: Places, which: Places, counts: Places, offsets: Places, lengths: Places) -> tuple[Places, Places]:
    """Start and end of the tokens of every chunk.

    Chunk ``i`` begins at ``first[i]`` and equals the distinct chunk ``which[i]``. Distinct chunk ``d`` has
    ``counts[d]`` tokens, of ``lengths[offsets[d]]`` characters and so on.
    """
    total = 0
    for chunk in range(len(first)):
        total += counts[which[chunk]]
    start = np.empty(total, np.int64)
    end = np.empty(total, np.int64)
    token = 0
    for chunk in range(len(first)):
        place = first[chunk]
        for piece in range(offsets[which[chunk]], offsets[which[chunk]] + counts[which[chunk]]):
            start[token] = place
            place += lengths[piece]
            end[token] = place
            token += 1
    return start, end
