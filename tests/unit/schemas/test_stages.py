"""The stages have one list; SQL sorts by it, and nobody else keeps another."""

import ast
from pathlib import Path

import duckdb

from gristmill.schemas.stages import StageName
from gristmill.warehouse.build.tables import create_tables

ROOT = Path(__file__).parents[3]
FOLDERS = ("core", "schemas", "tasks", "evals", "flows", "warehouse", "dashboards")


def test_the_order_of_a_curation() -> None:
    assert [*StageName] == ["ingest", "extract", "decide", "deduplicate", "clean", "review", "curate"]


def test_sql_sorts_by_the_same_list() -> None:
    with duckdb.connect() as connection:
        connection.execute(create_tables())
        for position, stage in enumerate(StageName, 1):
            assert connection.execute("SELECT stage_position(?)", [stage]).fetchall() == [(position,)]


def test_no_module_keeps_a_second_list() -> None:
    names = {str(stage) for stage in StageName}
    assert _lists(ast.parse("A = ('ingest', 'decide', 'curate')"), names)
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in _lists(ast.parse(path.read_text(encoding="utf-8")), names)
    ]
    assert found == []


def _lists(module: ast.Module, names: set[str]) -> list[int]:
    """Lines with a list, tuple or set of three stages or more, written as text."""
    return [
        node.lineno
        for node in ast.walk(module)
        if isinstance(node, ast.List | ast.Tuple | ast.Set)
        and len(names & {item.value for item in node.elts if isinstance(item, ast.Constant)}) >= 3
    ]
