"""Readers turn a benchmark's files, as its authors publish them, into items. One module for each family."""
