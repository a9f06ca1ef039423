"""Mixers: methods that give a mixture its weights."""
