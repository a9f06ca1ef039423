"""``review sign-off``: a person's name under a corpus."""

from typing import Annotated

import typer

from gristmill.core.errors import UsageError
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.cli.review.people import PersonOption, person, warehouse_of
from gristmill.flows.existing_lake import existing


def sign_off(
    source: Annotated[str, typer.Argument(help="The source whose current corpus is signed.")],
    name: PersonOption = None,
    note: Annotated[str, typer.Option(help="What the signature stands for.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the signature back.")] = False,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Sign a corpus as it is now, with the figures of its review. Training on it then needs no --unsigned."""
    from gristmill.warehouse.reviews.corpus import SignedCorpora
    from gristmill.warehouse.reviews.figures import signature_for
    from gristmill.warehouse.reviews.store import Reviews

    home = existing(lake)
    dataset = home.expect("curation", source)
    if withdraw and SignedCorpora(home).signature(dataset) is None:
        raise UsageError(f"nobody signed the corpus {source} as it is now, so there is nothing to take back")
    reviews = Reviews(home.root)
    signature = signature_for(warehouse_of(home), reviews, dataset, person(name), note, withdrawn=withdraw)
    reviews.sign(signature)
    if json:
        print_json(signature.model_dump(mode="json"))
        return
    done = "withdrew the signature under" if withdraw else "signed"
    figures = ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in signature.figures["counts"].items())
    screen().print(
        f"{signature.person} {done} {source}, corpus {signature.corpus[:12]}: {figures}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
