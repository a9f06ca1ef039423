"""``review list``: what waits for a person."""

from typing import Annotated

import typer

from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.cli.review.people import ArbiterOption, PersonOption, SourceOption, person, warehouse_of
from gristmill.flows.existing_lake import existing

SHOWN_URL = 60


def list_(
    name: PersonOption = None,
    arbiter: ArbiterOption = False,
    source: SourceOption = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Documents to list.")] = 20,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """List the documents that wait for your decision, in the order of the queue."""
    from gristmill.flows.describe import table_of
    from gristmill.warehouse.reviews.queue import backlog
    from gristmill.warehouse.reviews.store import Reviews

    home = existing(lake)
    found = backlog(
        warehouse_of(home), Reviews(home.root), person(name), "arbiter" if arbiter else "reader", source, limit
    )
    if json:
        print_json(found.model_dump(mode="json"))
        return
    rows = [
        [
            row.doc_id,
            row.source,
            row.rule or row.stratum,
            "" if row.score is None else f"{row.score:.2f}",
            row.detector or "",
            (row.url or "")[:SHOWN_URL],
        ]
        for row in found.waiting
    ]
    console = screen()
    if rows:
        console.print(table_of("Waiting", ["document", "source", "suggestion", "score", "by", "page"], rows))
    console.print(
        f"{found.left:,} wait for {person(name)}, who decided {found.decided:,}; readers differ about "
        f"{found.disputed:,}.",
        markup=False,
        highlight=False,
    )
