"""Mixing: tokenizer, token store, mixers, and the plan that says which row of which domain is trained on when."""
