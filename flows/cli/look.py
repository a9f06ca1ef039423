"""``why``, ``query`` and ``warehouse rebuild``: ask the warehouse."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gristmill.core.errors import UsageError
from gristmill.core.hints import on_lake
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption, print_json, screen

if TYPE_CHECKING:
    from gristmill.core.lake import Lake


def why(
    page: Annotated[str, typer.Argument(help="A doc_id, or the address of a page, with or without https://.")],
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Why a page was kept or not: every signal, verdict, duplicate and finding."""
    from gristmill.flows.describe import why_report
    from gristmill.warehouse.connection import Warehouse
    from gristmill.warehouse.queries.why import why as explain

    answer = explain(Warehouse.open(existing(lake).root), page)
    if not answer.records:
        raise UsageError(f"{page}: no record of that doc_id or URL. {answer.hint or ''}")
    if json:
        print_json(answer.model_dump(mode="json"))
        return
    console = screen()
    for story in answer.records:
        console.print(why_report(story))


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT over the warehouse; SHOW TABLES lists what there is.")],
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Ask the warehouse in SQL. Read-only: it can neither change the warehouse nor read other files."""
    from gristmill.flows.describe import table_of
    from gristmill.warehouse.connection import Warehouse

    rows = Warehouse.open(existing(lake).root).ask(sql)
    if json:
        print_json(rows.to_pylist())
        return
    screen().print(table_of("", rows.column_names, [list(row.values()) for row in rows.to_pylist()]))


def rebuild(lake: KnownLakeOption = DEFAULT_LAKE, json: JsonOption = False) -> None:
    """Build the warehouse again from the lake and make it the current one."""
    from gristmill.flows.describe import table_of
    from gristmill.warehouse.build.publish import rebuild as rebuild_warehouse

    published = rebuild_warehouse(existing(lake))
    if json:
        print_json({"path": published.path.name, "seconds": published.seconds, "rows": published.rows})
        return
    screen().print(
        table_of(f"{published.path.name}, {published.seconds:.1f} s", ["table", "rows"], [*published.rows.items()])
    )


def existing(root: Path) -> "Lake":
    """The lake at ``root``, which must be there: asking one that is not is a slip, not a wish for a new one."""
    if not (root / "lake.json").is_file():
        raise UsageError(
            f"--lake {root}: there is no lake here. {on_lake('gristmill demo', root)} makes one to look at."
        )
    from gristmill.core.lake import Lake

    return Lake.open(root)
