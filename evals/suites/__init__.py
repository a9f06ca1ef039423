"""Suites: what is asked, how it is prompted, and where the items come from."""
