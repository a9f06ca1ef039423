"""Files of the lake: appear whole or not at all, Parquet with page checksums, and where a lake may lie."""
