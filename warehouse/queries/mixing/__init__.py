"""Mixtures: the shares of their domains, what is known of them, and the trials that they were found from."""
