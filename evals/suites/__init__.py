"""Suites: the items, their prompts, and where their files come from."""
