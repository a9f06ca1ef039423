"""``query``: ask the warehouse in SQL."""

from typing import TYPE_CHECKING, Annotated

import typer

from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    pass


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
