"""Admission: the one door through which weights, tokenizers and configs of strangers come in."""
