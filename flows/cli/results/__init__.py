"""Verbs about results: compare, export and import them."""
