"""``review sample``: documents drawn from what the policy kept and dropped."""

from typing import Annotated

import typer

from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.cli.review.people import PersonOption, person, warehouse_of
from gristmill.flows.existing_lake import existing


def sample(
    source: Annotated[str, typer.Option(help="The source to draw from.")],
    kept: Annotated[int, typer.Option(min=0, max=100_000, help="Documents of those that were kept.")] = 50,
    dropped: Annotated[int, typer.Option(min=0, max=100_000, help="Documents of those that safety dropped.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same documents.")] = 0,
    readers: Annotated[int, typer.Option(min=1, max=9, help="People who should read each.")] = 1,
    name: PersonOption = None,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Add a random sample of kept and dropped documents to the queue, to estimate the errors of the policy."""
    from gristmill.flows.describe import table_of
    from gristmill.warehouse.reviews.corpus import corpus_digest
    from gristmill.warehouse.reviews.sampling import draw
    from gristmill.warehouse.reviews.store import Reviews, now

    home = existing(lake)
    dataset = home.expect("curation", source)
    drawn = draw(
        warehouse_of(home),
        source,
        corpus_digest(dataset),
        {"kept": kept, "dropped": dropped},
        seed=seed,
        readers=readers,
        person=person(name),
        at=now(),
    )
    Reviews(home.root).draw(drawn)
    if json:
        print_json(drawn.model_dump(mode="json"))
        return
    rows = [[entry.stratum, entry.domain, entry.documents, entry.drawn] for entry in drawn.strata]
    screen().print(table_of("Drawn", ["stratum", "domain", "documents", "drawn"], rows))
