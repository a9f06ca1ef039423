"""``accounts sessions``: list sessions and tokens, and end them."""

from typing import Annotated

import typer

from gristmill.core.errors import UsageError
from gristmill.flows.cli.accounts.options import AccountsOption, accounts_of, operator
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen


def sessions(
    name: Annotated[str | None, typer.Argument(help="Name of an account; all accounts when left out.")] = None,
    end: Annotated[
        list[str] | None, typer.Option("--end", metavar="ID", help="End this session or token; repeatable.")
    ] = None,
    end_all: Annotated[bool, typer.Option("--end-all", help="End all that would be listed.")] = False,
    lake: KnownLakeOption = DEFAULT_LAKE,
    accounts: AccountsOption = None,
    json: JsonOption = False,
) -> None:
    """List sessions and tokens, or end them now."""
    from gristmill.core.files.audit import COMMAND_LINE, Act
    from gristmill.dashboards.accounts.sessions import SHOWN_DIGITS, Sessions

    known = accounts_of(lake, accounts)
    owner = None if name is None else known.account(name).name
    open_ones = Sessions.of(known)
    found = [each for each in open_ones.all() if owner in (None, each.person.name)]
    wanted = found if end_all else [each for each in found if each.id[:SHOWN_DIGITS] in (end or ())]
    missing = {*(end or ())} - {each.id[:SHOWN_DIGITS] for each in wanted}
    if missing:
        raise UsageError(
            f"--end {sorted(missing)[0]}: there is no such session. gristmill accounts sessions lists them"
        )
    for each in wanted:
        open_ones.end(each, Act.SESSION_ENDED, operator(), COMMAND_LINE)
    left = [each for each in found if each not in wanted]
    rows = [
        {
            "id": each.id[:SHOWN_DIGITS],
            "name": each.person.name,
            "kind": "token" if each.token else "session",
            "role": each.person.role.value,
            "from": each.address,
            "label": each.label,
            "last_request": None if each.token else each.seen_at.isoformat(timespec="minutes"),
            "ends_at": each.ends_at.isoformat(timespec="minutes"),
        }
        for each in left
    ]
    if json:
        print_json(rows)
        return
    from gristmill.flows.describe import table_of

    console = screen()
    if wanted:
        console.print(f"{len(wanted)} ended.", highlight=False)
    columns = ["id", "name", "kind", "role", "from", "label", "last request", "ends"]
    console.print(table_of("Sessions and tokens", columns, [list(row.values()) for row in rows]))
