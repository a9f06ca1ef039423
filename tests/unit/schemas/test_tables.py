"""Columns say what they hold in fields, and the rows of a lake keep to it."""

import ast
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from gristmill.core.table import Column, Table
from gristmill.schemas.tables import SIGNALS, TABLES
from tests.helpers.small_lake import build_small_lake

ROOT = Path(__file__).parents[3]
COLUMNS = {f"{table.name}.{name}": column for table in TABLES.values() for name, column in table.columns.items()}


def test_arrow_sees_type_description_and_nullability() -> None:
    table = Table("t", ("a",), {"a": Column(pa.string(), "one?"), "b": Column(pa.int32(), "two", nullable=True)}, "T.")
    assert table.schema == pa.schema([pa.field("a", pa.string(), nullable=False), pa.field("b", pa.int32())])
    assert table.schema.field("a").metadata == {b"about": b"one?"}


def test_a_table_is_one_key_of_a_mapping() -> None:
    assert {table: table.name for table in TABLES.values()}[TABLES["documents"]] == "documents"
    assert Table("t", (), {}, "T.") != Table("t", (), {"a": Column(pa.string(), "one")}, "T.")


@pytest.mark.parametrize("name", COLUMNS)
def test_bounds_belong_to_numbers_and_are_in_order(name: str) -> None:
    column = COLUMNS[name]
    number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    low = -math.inf if column.low is None else column.low
    high = math.inf if column.high is None else column.high
    assert low < high
    assert number or (column.unit, column.low, column.high) == (None, None, None)
    assert not column.about.endswith("?")


def test_every_number_that_a_policy_may_name_has_a_unit_and_a_lowest_value() -> None:
    for table in SIGNALS:
        for name, column in table.columns.items():
            if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
                assert (column.unit is not None, column.low) == (True, 0), f"{table.name}.{name}"


def test_a_key_names_columns() -> None:
    for table in TABLES.values():
        assert set(table.key) <= set(table.columns), table.name


def test_rows_lie_within_the_bounds(tmp_path: Path) -> None:
    lake = build_small_lake(tmp_path / "lake").lake
    checked = set()
    for table in TABLES.values():
        for path in sorted((lake.root / "data" / "tables" / table.name).rglob("*.parquet")):
            rows = pq.read_table(path)
            for name, column in table.columns.items():
                if name not in rows.column_names or (column.low is None and column.high is None):
                    continue
                found = pc.min_max(rows.column(name)).as_py()
                if found["min"] is not None:
                    checked.add((table.name, name))
                    assert column.low is None or found["min"] >= column.low, f"{table.name}.{name}"
                    assert column.high is None or found["max"] <= column.high + 1e-9, f"{table.name}.{name}"
    assert len(checked) > 50


def test_tables_are_imported_from_one_place() -> None:
    found = [
        str(path.relative_to(ROOT))
        for folder in ("core", "tasks", "evals", "flows", "warehouse", "dashboards", "tests", "benchmarks")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gristmill.schemas.tables.")
    ]
    assert found == []
