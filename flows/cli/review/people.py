"""Options that the verbs of review share."""

from typing import TYPE_CHECKING, Annotated

import typer

from gristmill.core.errors import UsageError

if TYPE_CHECKING:
    from gristmill.core.lake import Lake
    from gristmill.warehouse.connection import Warehouse

PersonOption = Annotated[
    str | None, typer.Option("--as", help="Your name; that of your login if left out.", show_default=False)
]
SourceOption = Annotated[str | None, typer.Option("--source", help="Only this source; all when left out.")]
ArbiterOption = Annotated[
    bool, typer.Option("--arbiter", help="About documents on which readers differ, and none of yours.")
]
DocumentArgument = Annotated[str, typer.Argument(help="A doc_id, a URL or a text hash.")]


def person(name: str | None) -> str:
    """Who acts. Raises :class:`UsageError` for a name that cannot be shown."""
    from gristmill.core.printable import require_printable
    from gristmill.warehouse.submissions import submitter

    found = require_printable(submitter() if name is None else name, "--as").strip()
    if not found or len(found) > 100:
        raise UsageError("--as: give a name of at most 100 characters")
    return found


def warehouse_of(lake: "Lake") -> "Warehouse":
    """The published warehouse of a lake. Raises :class:`UsageError` with what to type where there is none."""
    from gristmill.warehouse.connection import Warehouse

    found = Warehouse.open(lake.root)
    if not found.published:
        raise UsageError(found.empty_hint)
    return found
