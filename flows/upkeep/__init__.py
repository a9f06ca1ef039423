"""Upkeep of a lake: verification, garbage collection, current views, locks."""
