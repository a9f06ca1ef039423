"""Passages of a corpus that share n-grams with indexed texts."""
