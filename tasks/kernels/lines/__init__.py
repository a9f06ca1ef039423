"""Lines of texts: what they look like, which repeat, which C4 drops."""
