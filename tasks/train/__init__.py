"""The embedded trainer: a small language model on CPU from a token store and a plan."""
