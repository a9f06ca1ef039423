"""Arms of experiments: other rows in some places of a plan, and the same rows in all others."""
