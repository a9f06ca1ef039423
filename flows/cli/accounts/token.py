"""``accounts token``: make a token for scripts."""

from typing import Annotated

import typer

from gristmill.dashboards.accounts.people import Role
from gristmill.flows.cli.accounts.options import AccountsOption, NameArgument, accounts_of, operator
from gristmill.flows.cli.options import DEFAULT_LAKE, KnownLakeOption


def token(
    name: NameArgument,
    role: Annotated[Role, typer.Option(help="What the token may do, at most what its owner may.")] = Role.VIEWER,
    days: Annotated[int, typer.Option(min=1, max=730, help="For how many days.")] = 90,
    label: Annotated[str, typer.Option(help="What it is for, in the list of sessions.")] = "",
    lake: KnownLakeOption = DEFAULT_LAKE,
    accounts: AccountsOption = None,
) -> None:
    """Make a token for the API, and print it: it is shown this once. Send it as Authorization: Bearer TOKEN.

    accounts sessions lists and ends tokens.
    """
    from gristmill.core.files.audit import COMMAND_LINE
    from gristmill.core.printable import require_printable
    from gristmill.dashboards.accounts.people import Person
    from gristmill.dashboards.accounts.sessions import Sessions

    known = accounts_of(lake, accounts)
    account = known.account(name)
    owner, label = Person(account.name, account.role), require_printable(label[:200], "--label")
    print(Sessions.of(known).make_token(owner, role, label, days, operator(), COMMAND_LINE))
