"""Models: what evaluation asks of one, and the adapters that answer."""
