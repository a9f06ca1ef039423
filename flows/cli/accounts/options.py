"""What the verbs of ``accounts`` share: which accounts, and where a password comes from."""

import sys
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gristmill.core.errors import UsageError
from gristmill.flows.cli.options import on_this_machine
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    from gristmill.dashboards.accounts.accounts import Accounts
    from gristmill.dashboards.accounts.store import Store

MOST_LINE = 4096
AccountsOption = Annotated[
    Path | None,
    typer.Option(
        "--accounts",
        metavar="FILE",
        callback=on_this_machine,
        help="File of the accounts, which several lakes may share; state/accounts.sqlite of the lake when left out.",
    ),
]
NameArgument = Annotated[str, typer.Argument(help="Name of the account.")]


def store_of(lake: Path, accounts: Path | None) -> "Store":
    """The file of the accounts. Raises :class:`UsageError` when the lake does not exist that would have it."""
    from gristmill.dashboards.accounts.store import Store

    return Store.of_lake(existing(lake).root) if accounts is None else Store.at(accounts.resolve())


def accounts_of(lake: Path, accounts: Path | None) -> "Accounts":
    """The accounts in that file."""
    from gristmill.dashboards.accounts.accounts import Accounts

    return Accounts(store_of(lake, accounts))


def operator() -> str:
    """Who runs this command, for the audit log."""
    from gristmill.warehouse.submissions import submitter

    return submitter()


def new_password(name: str) -> str:
    """A password from the terminal, asked for twice, or the first line of standard input where that is no terminal.

    It is never an argument: arguments show in the list of processes and in the shell's history.
    Raises :class:`UsageError` when the two differ, or there is no line.
    """
    if not sys.stdin.isatty():
        line = sys.stdin.readline(MOST_LINE).rstrip("\r\n")
        if not line:
            raise UsageError("standard input has no line with the password")
        return line
    first = getpass(f"Password of {name}: ", sys.stderr)
    if getpass("Again: ", sys.stderr) != first:
        raise UsageError("the two passwords differ")
    return first
