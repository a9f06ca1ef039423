"""A SQLAlchemy dialect that lets Great Expectations read Parquet through DuckDB.

duckdb-engine's own dialect rolls back when a connection returns to the pool; DuckDB then drops the pending result and
GX fails with "list index out of range" (great_expectations #10738, #11579). Validation only reads, so this dialect has
no transactions. Used with query assets: table assets need reflection, which DuckDB 2.0 breaks.
"""

from typing import Any

from duckdb_engine import Dialect


class LakeDialect(Dialect):
    """DuckDB without transactions; the URL is ``duckdb+lake:///:memory:``."""

    supports_statement_cache = False

    def do_begin(self, connection: Any) -> None:
        """Validation only reads."""

    def do_commit(self, connection: Any) -> None:
        """Validation only reads."""

    def do_rollback(self, connection: Any) -> None:
        """Would drop a result that GX has yet to fetch."""
