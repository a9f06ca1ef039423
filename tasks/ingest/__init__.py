"""Ingest: input files from any place and in any format become records in shards of bounded size."""
