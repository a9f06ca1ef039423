"""Files of the lake: atomic writes, Parquet with page checksums, and which places a lake may be in."""
