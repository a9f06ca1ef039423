"""Verbs that serve a lake to people: dashboard, query, serve."""
