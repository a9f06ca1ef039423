"""Rows of tables and of JSON Lines, each of them a record."""
