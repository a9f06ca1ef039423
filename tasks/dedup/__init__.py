"""Deduplication: bands propose, exact Jaccard verifies, clusters form over verified pairs, verdicts follow."""
