"""Texts to tokens: split at white space, then cut as spaCy's English tokenizer does."""
