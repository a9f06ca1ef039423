"""The page of the tables is what the script writes from the schema, and it leaves no column out."""

from gristmill.schemas.tables import TABLES
from tools import tables


def test_the_committed_page_is_what_the_script_writes() -> None:
    assert tables.PAGE.read_text(encoding="utf-8") == tables.page(), "run: python tools/tables.py"


def test_every_table_and_column_is_on_the_page() -> None:
    sections = dict(zip(TABLES, tables.page().split("\n## ")[1:], strict=True))
    for name, table in TABLES.items():
        assert sections[name].startswith(f"{name} (")
        assert [line.split("`")[1] for line in sections[name].splitlines() if line.startswith("| `")] == [
            *table.columns
        ]


def test_a_column_shows_its_unit_its_bounds_and_that_it_may_be_null() -> None:
    shown = tables.page().splitlines()
    assert "| `chance` | double, null | ratio | 0 to 1 | score of guessing |" in shown
    assert any(line.startswith("| `part` | int16 |  | from -1 | option that was scored") for line in shown)
    assert "| `other` | string |  |  | the other document, doc_id &lt; other |" in shown
