"""Archives of crawls: WARC, ARC and WACZ."""
