"""Names in the table ``scores`` that code asks for."""

ALL, MACRO = "all", "macro"
"""Subsets that stand for the whole of a suite: all items alike, and all subjects alike."""
BITS = "bits_per_byte"
"""The metric that is a ratio of sums, bits over bytes, and of which less is better."""
