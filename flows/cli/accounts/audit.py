"""``accounts audit``: what people did, and whether the log of it is whole."""

from collections import deque
from dataclasses import asdict
from typing import Annotated

import typer

from gristmill.core.errors import GristmillError
from gristmill.flows.cli.accounts.options import AccountsOption, store_of
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen


def audit(
    verify: Annotated[
        bool, typer.Option("--verify", help="Check that no line was changed, removed or cut off.")
    ] = False,
    noted: Annotated[
        str, typer.Option(metavar="DIGEST", help="With --verify: a digest noted earlier, which must be in the log.")
    ] = "",
    last: Annotated[int, typer.Option(min=1, help="How many lines to show, the newest.")] = 50,
    lake: KnownLakeOption = DEFAULT_LAKE,
    accounts: AccountsOption = None,
    json: JsonOption = False,
) -> None:
    """Show the audit log: logins, accounts, submissions, review decisions, sign-offs and takedowns."""
    log = store_of(lake, accounts).audit
    if verify or noted:
        checked = log.verify(noted)
        if json:
            print_json(asdict(checked))
        if checked.wrong is not None:
            raise GristmillError(f"{log.path}: {checked.wrong}. Somebody changed the log, or its disk is damaged.")
        if not json:
            told = f"{checked.lines:,} lines, all as they were written. Digest of the last: {checked.digest}"
            screen().print(told, markup=False, highlight=False, soft_wrap=True)
        return
    try:
        lines = list(deque(log.lines(), maxlen=last))
    except ValueError as error:
        raise GristmillError(f"{log.path}: a line {error}. gristmill accounts audit --verify says which.") from error
    if json:
        print_json([asdict(line) for line in lines])
        return
    from gristmill.flows.describe import table_of

    rows = [
        [
            line.at[:19],
            line.who,
            line.where,
            line.what,
            ", ".join(f"{name}: {text}" for name, text in line.about.items()),
        ]
        for line in lines
    ]
    screen().print(table_of("Audit log", ["when (UTC)", "who", "from", "what", "about"], rows))
