"""The subsets and the metric of the table ``scores`` that have a meaning of their own."""

ALL, MACRO = "all", "macro"
"""Subsets that stand for a whole suite: every item counts alike, or every subject does."""
BITS = "bits_per_byte"
"""The metric that is a ratio of sums, bits over bytes; lower is better."""
