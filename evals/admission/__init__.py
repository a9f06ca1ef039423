"""Admission: the only way in for weights, tokenizers and configs from strangers."""
