"""``accounts role``: give an account another role."""

from typing import Annotated

import typer

from gristmill.dashboards.accounts.people import Role
from gristmill.flows.cli.accounts.options import AccountsOption, NameArgument, accounts_of, operator
from gristmill.flows.cli.options import DEFAULT_LAKE, KnownLakeOption
from gristmill.flows.cli.printing import screen


def role(
    name: NameArgument,
    role: Annotated[Role, typer.Argument(help="The role from now on.")],
    lake: KnownLakeOption = DEFAULT_LAKE,
    accounts: AccountsOption = None,
) -> None:
    """Give an account another role, and end its sessions; its tokens can do no more than the role allows."""
    from gristmill.core.files.audit import COMMAND_LINE

    changed = accounts_of(lake, accounts).set_role(name, role, operator(), COMMAND_LINE)
    screen().print(f"{changed.name} is {changed.role.value} now, and has to sign in again.", markup=False)
