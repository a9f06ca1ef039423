"""The tables of the lake as DuckDB tables, generated from the schemas so that the two cannot drift apart.

Text stays in the Parquet files: documents and curated name the file instead. Tables that only steps read (records,
bands, copies, line hashes, candidates, redacted text) are not loaded. ``shard`` is the folder of the file a row came
from; signals and the verdicts of "decide" have the shard of their document.
"""

import pyarrow as pa

from gristmill.core.table import Table
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import (
    TABLES,
    Bands,
    Candidates,
    Copies,
    Curated,
    Documents,
    EvalItems,
    Lines,
    Records,
    Redacted,
)

NOT_LOADED = tuple(table.name for table in (Records, Bands, Copies, Lines, Candidates, Redacted, EvalItems))
WITH_TEXT_ASIDE = (Documents.name, Curated.name)
WITH_FILE = (
    *WITH_TEXT_ASIDE,
    *("mixtures", "mixture_trace", "mixture_baselines", "mixture_caps", "mixture_checks", "mixture_predictions"),
    *("mixture_stages", "trials", "trial_reuse", "trial_results", "token_stats", "runs"),
)
"""Tables with the column ``file``: documents for their text, the others because mixtures of several mixes may have one
name, and ``dataset_files`` says which mix a file belongs to."""
TYPES = {
    pa.string(): "VARCHAR",
    pa.bool_(): "BOOLEAN",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint64(): "UBIGINT",
    pa.float64(): "DOUBLE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP WITH TIME ZONE",
    pa.list_(pa.string()): "VARCHAR[]",
}


def loaded_tables() -> list[Table]:
    """The tables of the lake that the warehouse loads."""
    return [table for table in TABLES.values() if table.name not in NOT_LOADED]


def loaded_columns(table: Table) -> list[str]:
    """The columns of ``table`` that the warehouse loads, without ``shard`` and ``file``."""
    return [name for name in table.schema.names if not (table.name in WITH_TEXT_ASIDE and name == "text")]


def create_tables() -> str:
    """The SQL that creates every loaded table, empty, and ``stage_position(stage)``, which the views sort by."""
    return "\n\n".join([*(_create(table) for table in loaded_tables()), stage_positions()]) + "\n"


def stage_positions() -> str:
    """The SQL that makes ``stage_position(stage)`` for the time of a connection."""
    stages = ", ".join(f"'{stage}'" for stage in StageName)
    return f"CREATE OR REPLACE TEMP MACRO stage_position(stage) AS list_position([{stages}], stage)::INTEGER;"


def _create(table: Table) -> str:
    columns = [_column(table.schema.field(name)) for name in loaded_columns(table)]
    columns.append("shard VARCHAR NOT NULL")
    if table.name in WITH_FILE:
        columns.append("file VARCHAR NOT NULL")
    lines = ",\n".join(f"    {column}" for column in columns)
    return f"CREATE TABLE {table.sql_name} (\n{lines}\n);"


def _column(field: pa.Field) -> str:
    return f'"{field.name}" {TYPES[field.type]}{"" if field.nullable else " NOT NULL"}'
