"""Verbs of experiments."""
