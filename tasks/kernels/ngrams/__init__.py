"""n-grams of words: repeated ones, the most frequent ones, and their hashes."""
