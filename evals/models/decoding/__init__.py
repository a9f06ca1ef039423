"""Decoding and log-probabilities in torch, on CPU."""
