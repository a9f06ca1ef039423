"""Verbs about models: train them, evaluate them, grade what they answer."""
