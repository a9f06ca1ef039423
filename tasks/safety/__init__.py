"""Findings of the safety review: what a document holds that should not be in training data, and where."""
