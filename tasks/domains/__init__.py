"""Domains for mixing: rules that give each curated document one, topic classifiers, and clusters."""
