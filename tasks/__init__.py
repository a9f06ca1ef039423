"""The steps: pure functions on Arrow tables, each run over Parquet shards."""
