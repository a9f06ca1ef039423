"""Cleaning: lines and parts of lines that go, redaction, and the text that stays."""
