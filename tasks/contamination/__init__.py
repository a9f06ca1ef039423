"""Where texts of benchmarks occur in a corpus: an index of the items' n-grams, and one pass over the corpus."""
