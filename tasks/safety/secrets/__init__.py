"""Secrets: keys, tokens, private keys and passwords, found without sending anything anywhere."""
