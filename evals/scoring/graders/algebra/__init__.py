"""Answers to MATH problems: extracted, normalized, compared as strings or by algebra."""
