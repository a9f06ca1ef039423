"""Verbs of the quality classifier."""
