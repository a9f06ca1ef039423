"""Texts as columns: bytes, lines, spans, Unicode classes, slices of bounded size."""
