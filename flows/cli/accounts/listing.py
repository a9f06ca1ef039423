"""``accounts list``: who can sign in."""

from gristmill.flows.cli.accounts.options import AccountsOption, accounts_of
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen


def list_accounts(
    lake: KnownLakeOption = DEFAULT_LAKE, accounts: AccountsOption = None, json: JsonOption = False
) -> None:
    """List the accounts."""
    known = accounts_of(lake, accounts).all()
    rows = [
        {
            "name": account.name,
            "role": account.role.value,
            "created_at": account.created_at.isoformat(timespec="seconds"),
            "sessions": account.sessions,
        }
        for account in known
    ]
    if json:
        print_json(rows)
        return
    from gristmill.flows.describe import table_of

    if not rows:
        screen().print("No accounts. The first: gristmill accounts add NAME --role admin", highlight=False)
        return
    columns = ["name", "role", "since", "sessions and tokens"]
    screen().print(table_of("Accounts", columns, [list(row.values()) for row in rows]))
