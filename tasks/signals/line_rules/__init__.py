"""Rules that judge a document line by line, and what they cut."""
