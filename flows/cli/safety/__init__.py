"""Verbs of the safety review."""
