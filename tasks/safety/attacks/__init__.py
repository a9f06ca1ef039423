"""Attacks on a model through its data: what readers do not see, what looks like something else, what gives orders."""
