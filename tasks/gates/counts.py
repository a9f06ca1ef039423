"""Which expectations of a gate hold, by counts in DuckDB, without Great Expectations.

Importing Great Expectations takes 3 to 5 seconds of processor, more than the rest of a small curation, and a gate that
holds reports only numbers. So the rows that break an expectation of a plain kind are counted here, by the
conditions that Great Expectations itself sends to the database (``expectations/metrics/column_map_metrics``, version
1.24), and only an expectation that rows break, that cannot be counted, or that is of another kind or has other
arguments than those below, is left to Great Expectations: it decides, and finds the examples.

Cost: one scan of the columns named, one more for each column that is to be unique and for each query for rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

BATCH = "batch"
ROWS = "UnexpectedRowsExpectation"
ROW_COUNT = "ExpectTableRowCountToBeBetween"
Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Countable:
    """An expectation as written in a suite: its Great Expectations class, its column, and its arguments."""

    type: str
    column: str
    arguments: Arguments


def count_breaking(wanted: Sequence[Countable], rows: str, schema: pa.Schema, scratch: Path) -> list[int | None]:
    """How many rows break each expectation, in the order of ``wanted``; None where it cannot be counted here.

    ``rows`` is the query for the table, ``schema`` its columns. A row count out of its bounds counts as one row.
    ``scratch`` takes what does not fit into memory.
    """
    with duckdb.connect(config={"temp_directory": str(scratch)}) as connection:
        try:
            connection.execute(f"create temp view {BATCH} as {rows}")
        except duckdb.Error:
            return [None] * len(wanted)
        conditions = [_condition(entry, schema) for entry in wanted]
        sums = ", ".join(f"count(*) filter (where {condition})" for condition in conditions if condition)
        scan = f"select {sums} from {BATCH}"  # noqa: S608 - see CONDITIONS
        counted = iter(_fetch(connection, scan) if sums else ())
        return [
            _alone(connection, entry, schema) if condition is None else next(counted, None)
            for entry, condition in zip(wanted, conditions, strict=True)
        ]


def _fetch(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    """The one row of a query; nothing for one that cannot be run, which Great Expectations then reports itself."""
    try:
        found: tuple[int, ...] | None = connection.execute(query).fetchone()
    except duckdb.Error:
        return ()
    return found or ()


def _condition(entry: Countable, schema: pa.Schema) -> str | None:
    """The SQL condition of a row that breaks the expectation; None if a single row cannot show it."""
    make = CONDITIONS.get(entry.type)
    if make is None or entry.column not in schema.names:
        return None
    return make(_quoted(entry.column), schema.field(entry.column).type, entry.arguments)


def _not_null(column: str, _type: pa.DataType, arguments: Arguments) -> str | None:
    return None if arguments else f"{column} is null"


def _between(column: str, kind: pa.DataType, arguments: Arguments) -> str | None:
    bounds = {"min_value": ">=", "max_value": "<="}
    if (
        not (pa.types.is_integer(kind) or pa.types.is_floating(kind))
        or not arguments
        or not set(arguments) <= {*bounds}
    ):
        return None
    if not all(_is_number(value) for value in arguments.values()):
        return None
    inside = " and ".join(f"{column} {bounds[name]} {value!r}" for name, value in sorted(arguments.items()))
    return f"{column} is not null and not ({inside})"


def _in_set(column: str, kind: pa.DataType, arguments: Arguments) -> str | None:
    values = arguments.get("value_set")
    if set(arguments) != {"value_set"} or not isinstance(values, list) or not values:
        return None
    if not _is_text(kind) or not all(isinstance(value, str) for value in values):
        return None
    return f"{column} is not null and {column} not in ({', '.join(_literal(value) for value in values)})"


def _length(column: str, kind: pa.DataType, arguments: Arguments) -> str | None:
    if set(arguments) != {"value"} or type(arguments["value"]) is not int or not _is_text(kind):
        return None
    return f"{column} is not null and length({column}) <> {arguments['value']}"


#: The columns are quoted, and values are numbers or quoted.
CONDITIONS: dict[str, Callable[[str, pa.DataType, Arguments], str | None]] = {
    "ExpectColumnValuesToNotBeNull": _not_null,
    "ExpectColumnValuesToBeBetween": _between,
    "ExpectColumnValuesToBeInSet": _in_set,
    "ExpectColumnValueLengthsToEqual": _length,
}


def _alone(connection: duckdb.DuckDBPyConnection, entry: Countable, schema: pa.Schema) -> int | None:
    """The count of an expectation that needs a query of its own."""
    query = None
    if entry.type == "ExpectColumnValuesToBeUnique" and not entry.arguments and entry.column in schema.names:
        column = _quoted(entry.column)
        query = f"select {column} from {BATCH} where {column} is not null group by {column} having count(*) > 1"  # noqa: S608
    elif entry.type == ROWS and set(entry.arguments) == {"unexpected_rows_query"}:
        query = _filled(entry.arguments["unexpected_rows_query"])
    elif entry.type == ROW_COUNT and entry.arguments and set(entry.arguments) <= {"min_value", "max_value"}:
        if not all(type(value) is int for value in entry.arguments.values()):
            return None
        low, high = entry.arguments.get("min_value", 0), entry.arguments.get("max_value", (1 << 63) - 1)
        query = f"select 1 from (select count(*) as rows from {BATCH}) where rows not between {low} and {high}"  # noqa: S608
    return next(iter(_fetch(connection, f"select count(*) from ({query})")), None) if query else None  # noqa: S608


def _filled(query: object) -> str | None:
    """A query of a suite with the table in its place; None for one that does not name it, or names more."""
    if not isinstance(query, str) or "{batch}" not in query:
        return None
    try:
        return query.format(batch=BATCH).rstrip("; \t\r\n\v\f")
    except (LookupError, ValueError):
        return None


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and value == value


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
