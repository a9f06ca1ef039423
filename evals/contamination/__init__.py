"""Benchmark items in training data: which texts are searched for, and the label of each item."""
