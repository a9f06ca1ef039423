"""How far compressed bytes may expand, for every decompressor: a few kilobytes can expand to gigabytes.

The first ``FREE_BYTES`` are always allowed: memory and the temporary folder have room for them. Beyond them a
stream may grow to ``MAX_RATIO`` times what is stored: HTML and JSON give 4 to 30, the most repetitive crawls below 100,
a bomb 1,000 (deflate) to 1,000,000 (bzip2). A stream that expands further is not read on, and is set aside as
``expands``.
"""

FREE_BYTES = 64 << 20
MAX_RATIO = 256


class ExpansionError(Exception):
    """More came out of a stream than the bound allows."""


def bound(stored: int) -> int:
    """The most bytes that may come out of ``stored`` ones."""
    return FREE_BYTES + MAX_RATIO * stored


def over(stored: int, expanded: int) -> str:
    """The message for a stream that was stopped after ``expanded`` bytes."""
    return (
        f"{expanded:,} bytes came out of {stored:,} stored ones, and no more was read: over {MAX_RATIO} times as many "
        "is taken for an attack or a fault"
    )
