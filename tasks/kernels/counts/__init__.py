"""Counts over characters, words, lines and source code."""
