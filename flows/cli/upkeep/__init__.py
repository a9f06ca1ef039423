"""Verbs that keep a lake and this machine in order: verify, gc, warehouse rebuild, doctor."""
