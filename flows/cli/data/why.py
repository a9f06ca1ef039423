"""``why``: why a page was kept or not."""

from typing import Annotated

import typer

from gristmill.core.errors import UsageError
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing


def why(
    page: Annotated[str, typer.Argument(help="A doc_id, or the address of a page, with or without https://.")],
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Why a page was kept or not: every signal, verdict, duplicate and finding."""
    from gristmill.flows.describe import why_report
    from gristmill.warehouse.connection import Warehouse
    from gristmill.warehouse.queries.why import why as explain

    answer = explain(Warehouse.open(existing(lake).root), page)
    if not answer.records:
        raise UsageError(f"{page}: no record of that doc_id or URL. {answer.hint or ''}")
    if json:
        print_json(answer.model_dump(mode="json"))
        return
    console = screen()
    for story in answer.records:
        console.print(why_report(story))
