"""Compiled loops over flat arrays, for what a column expression does too slowly. Nothing compiles at import."""
