"""A polite crawler: pages over HTTP into WARC files."""
