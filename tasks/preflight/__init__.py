"""Preflight: what a curation would cost and remove, estimated from a sample."""
