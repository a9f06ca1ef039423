"""Readers: the files of a benchmark, as its authors publish them, become items. One module for each family."""
