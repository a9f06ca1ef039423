"""Domains for mixing: models by name, the assignment of a lake's documents, training and clustering."""
