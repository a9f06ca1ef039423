"""Verbs about text: curate it, mix it, and ask what became of it."""
