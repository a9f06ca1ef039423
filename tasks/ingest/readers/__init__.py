"""Readers of crawl archives, rows and text files: each yields pages and what was set aside, and loses nothing."""
