"""Ingest: input files, wherever they lie and whatever their format, become records in shards of bounded size."""
