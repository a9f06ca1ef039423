"""Takedown: removing pages from a lake and everything made of them, with a proof that nothing is left."""
