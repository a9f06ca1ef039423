"""Verbs of domains for mixing."""
