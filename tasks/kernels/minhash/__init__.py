"""Normalized tokens, MinHash signatures and LSH bands."""
