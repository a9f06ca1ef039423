"""The DuckDB warehouse: derived from the lake, published by a pointer swap, always rebuildable."""
