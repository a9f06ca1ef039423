"""The curate flow: crawl to curated text."""
