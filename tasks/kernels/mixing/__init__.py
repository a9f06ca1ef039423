"""The order of a training run, row by row."""
