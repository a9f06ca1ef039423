"""Cleaning: cuts of lines and parts of lines, redaction, and the remaining text."""
