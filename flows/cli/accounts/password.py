"""``accounts password``: give an account another password."""

from gristmill.flows.cli.accounts.options import AccountsOption, NameArgument, accounts_of, new_password, operator
from gristmill.flows.cli.options import DEFAULT_LAKE, KnownLakeOption
from gristmill.flows.cli.printing import screen


def password(name: NameArgument, lake: KnownLakeOption = DEFAULT_LAKE, accounts: AccountsOption = None) -> None:
    """Give an account another password, asked for or read from standard input, and end its sessions and tokens."""
    from gristmill.core.files.audit import COMMAND_LINE

    known = accounts_of(lake, accounts)
    account = known.account(name)
    known.set_password(account.name, new_password(account.name), operator(), COMMAND_LINE)
    screen().print(f"{account.name} has another password, and no session or token any more.", markup=False)
