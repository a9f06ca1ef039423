"""Signals: what is measured in every document, one module for each set."""
