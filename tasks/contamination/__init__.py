"""Where texts of benchmarks stand in a corpus: items as an index of n-grams, a corpus that is read past it once."""
