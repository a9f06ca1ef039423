"""``accounts remove``: remove an account."""

from gristmill.flows.cli.accounts.options import AccountsOption, NameArgument, accounts_of, operator
from gristmill.flows.cli.options import DEFAULT_LAKE, KnownLakeOption
from gristmill.flows.cli.printing import screen


def remove(name: NameArgument, lake: KnownLakeOption = DEFAULT_LAKE, accounts: AccountsOption = None) -> None:
    """Remove an account, and end its sessions and tokens. What it did stays in the audit log."""
    from gristmill.core.files.audit import COMMAND_LINE

    known = accounts_of(lake, accounts)
    account = known.account(name)
    known.remove(account.name, operator(), COMMAND_LINE)
    screen().print(f"{account.name} is removed.", markup=False)
