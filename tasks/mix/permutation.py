"""Seeded hashing and seeded permutations of integers, vectorised, with no stored index.

``mix64`` is the finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection of 64-bit integers. ``permute`` is a
balanced Feistel network over it with cycle walking (Black and Rogaway 2002): a bijection of ``range(size)`` for every
key. Only unsigned 64-bit integer arithmetic is used, so every machine gives the same numbers. These are for shuffling,
not for secrets. Cost: about 0.5 microseconds a value; O(1) memory beside the values.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gristmill.core.errors import GristmillError

Words = NDArray[np.uint64]
Integers = NDArray[np.int64]

ROUNDS = 6
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def mix64(values: Words) -> Words:
    """Each 64-bit word scrambled; a bijection. ``values`` has at least one dimension (scalars would warn on wrap)."""
    values = values + GOLDEN
    values = (values ^ (values >> np.uint64(30))) * _MULTIPLIERS[0]
    values = (values ^ (values >> np.uint64(27))) * _MULTIPLIERS[1]
    return values ^ (values >> np.uint64(31))


def key(*parts: int | ArrayLike) -> Words:
    """A 64-bit key from integers or arrays of them, broadcast together; the order of the parts matters."""
    state = np.zeros(1, dtype=np.uint64)
    for part in parts:
        state = mix64(state ^ np.asarray(part).astype(np.uint64))
    return state


def permute(values: Integers, sizes: ArrayLike, keys: Words) -> Integers:
    """Where each value of ``range(size)`` goes under the permutation that its key names.

    ``values``, ``sizes`` and ``keys`` are broadcast together; the result has their shape, int64. For one size and key
    the results over ``range(size)`` are each number of that range once. Raises ``ValueError`` for a value outside.
    """
    return _walk(values, sizes, keys, _feistel)


def unpermute(values: Integers, sizes: ArrayLike, keys: Words) -> Integers:
    """The inverse of :func:`permute`: where each value came from. Raises ``ValueError`` for a value outside."""
    return _walk(values, sizes, keys, _unfeistel)


def _walk(values: Integers, sizes: ArrayLike, keys: Words, step: Callable[[Words, Words, Words], Words]) -> Integers:
    """Take a step of a bijection of a power of 4, again and again until each value lies in ``range(size)``."""
    values, size, keys = np.broadcast_arrays(values, np.asarray(sizes, dtype=np.int64), keys)
    if np.any((values < 0) | (values >= size)):
        raise ValueError("a value to permute lies outside range(size)")
    half = _half_bits(size)
    out = values.astype(np.uint64)
    todo = np.arange(out.size)
    flat, flat_half, flat_keys, flat_size = out.ravel(), half.ravel(), keys.ravel(), size.ravel()
    while todo.size:  # a step leaves range(size) with a chance below 3/4; then it is taken again from where it led
        flat[todo] = step(flat[todo], flat_half[todo], flat_keys[todo])
        todo = todo[flat[todo] >= flat_size[todo].astype(np.uint64)]
    return flat.reshape(values.shape).astype(np.int64)


def hash_unit(doc_ids: list[str], salt: int) -> NDArray[np.float64]:
    """A number in [0, 1) for each document: a seeded hash of its identity, independent between salts.

    Raises :class:`GristmillError` when an id is not 32 hexadecimal digits.
    """
    words = np.frombuffer(pack_ids(doc_ids), dtype=">u8").reshape(-1, 2).astype(np.uint64)
    mixed = mix64(mix64(words[:, 0] ^ key(salt)) ^ words[:, 1])
    return (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def pack_ids(doc_ids: list[str]) -> bytes:
    """16 bytes for each doc_id. Raises :class:`GristmillError` when one is not 32 hexadecimal digits."""
    joined = "".join(doc_ids)
    try:
        packed = bytes.fromhex(joined)
    except ValueError as error:
        raise GristmillError(f"a doc_id is not 32 hexadecimal digits: {error}") from error
    if len(packed) != 16 * len(doc_ids):
        raise GristmillError(
            "a doc_id is not 32 hexadecimal digits. Documents come from the ingest step, which sets it."
        )
    return packed


def _half_bits(size: Integers) -> Words:
    """Half the (even) number of bits that hold ``size - 1``: at least one. Exact up to 2**62."""
    powers = np.int64(4) ** np.arange(31, dtype=np.int64)
    return np.maximum(np.searchsorted(powers, size, side="left"), 1).astype(np.uint64)


def _feistel(values: Words, half: Words, keys: Words) -> Words:
    """One bijection of ``2 * half`` bits for each key."""
    mask = (np.uint64(1) << half) - np.uint64(1)
    left, right = values >> half, values & mask
    for round_keys in _round_keys(keys):
        scrambled = mix64(right ^ round_keys) >> (np.uint64(64) - half)
        left, right = right, left ^ scrambled
    return (left << half) | right


def _unfeistel(values: Words, half: Words, keys: Words) -> Words:
    """The inverse of :func:`_feistel`: its rounds backwards."""
    mask = (np.uint64(1) << half) - np.uint64(1)
    left: Words = values >> half
    right: Words = values & mask
    for round_keys in reversed(_round_keys(keys)):
        scrambled = mix64(left ^ round_keys) >> (np.uint64(64) - half)
        left, right = right ^ scrambled, left
    return (left << half) | right


def _round_keys(keys: Words) -> list[Words]:
    found = []
    for _ in range(ROUNDS):
        keys = mix64(keys)
        found.append(keys)
    return found
