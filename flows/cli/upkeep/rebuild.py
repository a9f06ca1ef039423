"""``warehouse rebuild``: build the warehouse again from the lake."""

from typing import TYPE_CHECKING

from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    pass


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
