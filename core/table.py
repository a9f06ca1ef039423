"""What a table of the lake is: a name, the columns it is sorted by, and an Arrow schema with a word on every column."""

from dataclasses import dataclass

import pyarrow as pa

from gristmill.core.errors import GristmillError

TIMESTAMP = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Table:
    """One table: ``name`` is also its folder in the lake, ``key`` the columns it is sorted by.

    A run may leave an ``optional`` table out (a signal that needs a model of the user's); a step that reads it is then
    given an empty one.
    """

    name: str
    key: tuple[str, ...]
    schema: pa.Schema
    about: str
    optional: bool = False

    @property
    def sql_name(self) -> str:
        """The name in the warehouse: ``signals/language`` becomes ``signals_language``."""
        return self.name.replace("/", "_")


def columns(**columns: tuple[pa.DataType, str]) -> pa.Schema:
    """A schema from ``name=(type, description)``; a description that ends in ``?`` marks a nullable column."""
    return pa.schema(
        [
            pa.field(name, kind, nullable=about.endswith("?"), metadata={"about": about.removesuffix("?")})
            for name, (kind, about) in columns.items()
        ]
    )


DOC_ID = (pa.string(), "xxh3-128 of source, native record identity and payload, 32 hex digits")


def conform(table: Table, rows: pa.Table) -> pa.Table:
    """``rows`` in the column order, types and sort order of ``table``.

    Raises :class:`GristmillError` naming the step's fault: a missing, unknown, mistyped or wrongly null column.
    """
    missing = [name for name in table.schema.names if name not in rows.column_names]
    unknown = [name for name in rows.column_names if name not in table.schema.names]
    if missing or unknown:
        raise GristmillError(f"table {table.name}: missing columns {missing}, unknown columns {unknown}")
    try:
        rows = rows.select(table.schema.names).cast(table.schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise GristmillError(f"table {table.name}: {error}") from error
    for field in table.schema:
        if not field.nullable and rows.column(field.name).null_count:
            raise GristmillError(f"table {table.name}: column {field.name} holds nulls and must not")
    rows = rows.sort_by([(column, "ascending") for column in table.key])
    return rows.replace_schema_metadata({"table": table.name}).combine_chunks()


def empty(table: Table) -> pa.Table:
    """No rows of ``table``."""
    return table.schema.empty_table()
