"""Near-duplicates: candidates from LSH bands, exact similarities, clusters."""
