"""``gc``: remove what nothing in the lake needs any more."""

from typing import Annotated

import typer

from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing
from gristmill.flows.sizes import size_text


def gc(
    lake: KnownLakeOption = DEFAULT_LAKE,
    delete: Annotated[bool, typer.Option("--delete", help="Remove it; without this option it is only listed.")] = False,
    earlier: Annotated[
        bool,
        typer.Option("--earlier", help="Also curations that are no longer current and that no mix was made from."),
    ] = False,
    unfinished: Annotated[
        bool,
        typer.Option("--unfinished", help="Also what unfinished runs of the last week left behind."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show, or remove, what nothing in the lake refers to any more."""
    from gristmill.flows.describe import table_of
    from gristmill.flows.upkeep.collect import collect, find_garbage

    home = existing(lake)
    search = collect if delete else find_garbage
    found = search(home, earlier=earlier, unfinished=unfinished)
    if json:
        print_json(found.as_json(delete))
        return
    about = {
        "damaged": "damaged files that verify moved aside",
        "views": "old views behind current/",
        "unfinished": "what unfinished runs left",
        "earlier": "curations that are no longer current",
    }
    rows = [[about[name], len(paths), size_text(sum(paths.values()))] for name, paths in found.found.items()]
    console = screen()
    console.print(table_of("Removed" if delete else "Can be removed", ["what", "files", "size"], rows))
    if found.kept_earlier:
        console.print(f"--earlier: {size_text(found.kept_earlier)} more, of curations that are no longer current.")
    if found.kept_unfinished:
        console.print(f"--unfinished: {size_text(found.kept_unfinished)} more, of runs of the last week.")
    if not delete and any(found.found.values()):
        console.print("Nothing was removed. gristmill gc --delete removes it.")
