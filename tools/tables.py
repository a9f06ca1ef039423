"""Write ``docs/tables.md``, every table and column of the lake, from the schema: ``python tools/tables.py``."""

from pathlib import Path

import pyarrow as pa

from gristmill.core.table import Column, Table
from gristmill.schemas.tables import TABLES
from gristmill.warehouse.build.tables import loaded_columns, loaded_tables

PAGE = Path(__file__).resolve().parents[1] / "docs" / "tables.md"
HEAD = """# The tables

Every table of the lake with its columns. `python tools/tables.py` writes this page from `schemas/tables/`, and a test
fails when it is out of date. A table is a folder of Parquet files, sorted by its key;
[the warehouse](warehouse.md) holds it under the name in brackets. A column without
*null* always has a value; bounds include their ends.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_section(table) for table in TABLES.values())])


def _section(table: Table) -> str:
    loaded = [one.name for one in loaded_tables()]
    aside = [name for name in table.columns if table.name in loaded and name not in loaded_columns(table)]
    where = f"`{table.sql_name}`" if table.name in loaded else "not in the warehouse"
    notes = [f"Key: {', '.join(f'`{name}`' for name in table.key)}."]
    if table.optional:
        notes.append("Optional: a run may leave it out.")
    if aside:
        notes.append(f"The warehouse leaves out {', '.join(f'`{name}`' for name in aside)}.")
    rows = [
        f"| `{name}` | {_type(column)} | {column.unit or ''} | {_range(column)} | {_cell(column.about)} |"
        for name, column in table.columns.items()
    ]
    head = ["| column | type | unit | range | meaning |", "|---|---|---|---|---|"]
    return "\n".join([f"## {table.name} ({where})", "", table.about, " ".join(notes), "", *head, *rows, ""])


def _type(column: Column) -> str:
    shown = "timestamp (UTC)" if pa.types.is_timestamp(column.type) else str(column.type)
    return f"{shown}, null" if column.nullable else shown


def _range(column: Column) -> str:
    if column.low is None:
        return "" if column.high is None else f"up to {column.high}"
    return f"from {column.low}" if column.high is None else f"{column.low} to {column.high}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.name}")
