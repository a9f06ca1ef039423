"""``accounts add``: make an account."""

from typing import Annotated

import typer

from gristmill.dashboards.accounts.people import Role
from gristmill.flows.cli.accounts.options import AccountsOption, NameArgument, accounts_of, new_password, operator
from gristmill.flows.cli.options import DEFAULT_LAKE, KnownLakeOption
from gristmill.flows.cli.printing import screen


def add(
    name: NameArgument,
    role: Annotated[
        Role,
        typer.Option(
            help="viewer reads, reviewer also decides reviews, evaluator also submits checkpoints, admin may do all."
        ),
    ] = Role.VIEWER,
    lake: KnownLakeOption = DEFAULT_LAKE,
    accounts: AccountsOption = None,
) -> None:
    """Make an account. The password is asked for, or read from standard input.

    From the first account on, the dashboards ask everybody to sign in.
    """
    from gristmill.core.files.audit import COMMAND_LINE
    from gristmill.dashboards.accounts.accounts import account_name

    known = accounts_of(lake, accounts)
    added = known.add(account_name(name), role, new_password(name), operator(), COMMAND_LINE)
    screen().print(f"{added.name} can sign in, as {added.role.value}.", markup=False, highlight=False)
