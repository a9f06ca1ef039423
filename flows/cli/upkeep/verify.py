"""``verify``: whether every file of the lake is as it was written."""

from typing import Annotated

import typer

from gristmill.core.damage import PIPELINE, command_for
from gristmill.core.errors import GristmillError
from gristmill.core.hints import on_lake
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing
from gristmill.flows.sizes import size_text

SHOWN = 20


def verify(
    lake: KnownLakeOption = DEFAULT_LAKE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only report damage; leave the files in place, still counted as cached.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check every file of the lake against its digest, and move damaged ones aside so that they are rebuilt."""
    from gristmill.flows.describe import table_of
    from gristmill.flows.reporter import Reporter
    from gristmill.flows.upkeep.verify import check, take_inventory

    home = existing(lake)
    with Reporter() as report:
        inventory = take_inventory(home)
        read, whole = 0, size_text(inventory.bytes)
        with report.track("verify", len(inventory.outputs), "files") as advance:

            def progress(count: int) -> None:
                nonlocal read
                read += count
                advance(1, f"{size_text(read)} of {whole}")

            found = check(home, inventory, move=not dry_run, advance=progress)
    if json:
        print_json(found.as_json())
    elif found.damaged:
        rows = [[entry.path, entry.fault, entry.made_by, ", ".join(entry.needed_by)] for entry in found.damaged]
        screen().print(table_of("Damaged", ["file", "what is wrong", "made by", "part of"], rows[:SHOWN]))
    else:
        screen().print(f"{found.files:,} files, {size_text(found.bytes)}: all as they were written.")
    if found.damaged:
        needed = sorted({tuple(name.split(" ", 1)) for entry in found.damaged for name in entry.needed_by})
        moved = sum(entry.moved_to is not None for entry in found.damaged)
        told = [f"{len(found.damaged):,} of {found.files:,} files are damaged or gone."]
        if dry_run:
            told.append(
                f"They stay where they are. Run `{on_lake('gristmill verify', home.root)}` without --dry-run first."
            )
        elif moved:
            told.append(f"Moved to {home.root / 'damaged'}: {moved:,}.")
        named = dict.fromkeys(command_for(home.root, kind, name) for kind, name in needed)
        commands = list(named) or ["the commands that made them"]
        told.append(
            f"Run {', '.join(commands)} again with the same options ({PIPELINE}): that rebuilds what is missing and "
            "nothing else."
        )
        if not all(entry.needed_by for entry in found.damaged):
            told.append(
                "Files that are not part of a current run can be removed instead: "
                f"`{on_lake('gristmill gc --earlier --delete', home.root)}`."
            )
        raise GristmillError(" ".join(told))
