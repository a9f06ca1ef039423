"""Clusters of documents: vectors of texts, k-means, names, and the step that fits them."""
