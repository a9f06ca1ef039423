"""Tables of the lake: a name, the columns a table is sorted by, and a description of every column."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa

from gristmill.core.errors import GristmillError

TIMESTAMP = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Column:
    """A column: values of ``type``, in ``unit``, from ``low`` to ``high`` (None: unbounded).

    ``about`` is for people and is written into every file; no code parses a unit or a bound out of it.
    """

    type: pa.DataType
    about: str
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    nullable: bool = False


DOC_ID = Column(pa.string(), "xxh3-128 of source, native record identity and payload, 32 hex digits")


@dataclass(frozen=True)
class Table:
    """One table: ``name`` is also its folder in the lake, ``key`` the columns it is sorted by.

    A run may omit an ``optional`` table (a signal that needs a model the user supplies); a step that reads it then gets
    an empty one.
    """

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, Column] = field(hash=False)
    about: str
    optional: bool = False

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema; the metadata of a field holds its description."""
        return pa.schema(
            [
                pa.field(name, column.type, nullable=column.nullable, metadata={"about": column.about})
                for name, column in self.columns.items()
            ]
        )

    @property
    def sql_name(self) -> str:
        """The name in the warehouse: ``signals/language`` becomes ``signals_language``."""
        return self.name.replace("/", "_")


def conform(table: Table, rows: pa.Table) -> pa.Table:
    """``rows`` in the column order, types and sort order of ``table``.

    Raises :class:`GristmillError` for a missing, unknown, mistyped or wrongly null column: a fault of the step.
    """
    missing = [name for name in table.schema.names if name not in rows.column_names]
    unknown = [name for name in rows.column_names if name not in table.schema.names]
    if missing or unknown:
        raise GristmillError(f"table {table.name}: missing columns {missing}, unknown columns {unknown}")
    try:
        rows = rows.select(table.schema.names).cast(table.schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise GristmillError(f"table {table.name}: {error}") from error
    for name, column in table.columns.items():
        if not column.nullable and rows.column(name).null_count:
            raise GristmillError(f"table {table.name}: column {name} has nulls and must not")
    rows = rows.sort_by([(name, "ascending") for name in table.key])
    return rows.replace_schema_metadata({"table": table.name}).combine_chunks()


def empty(table: Table) -> pa.Table:
    """No rows of ``table``."""
    return table.schema.empty_table()
