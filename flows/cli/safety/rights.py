"""``safety rights``: what each opt-out costs in documents, characters and words."""

from typing import Annotated

import typer

from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing


def rights(
    source: Annotated[str | None, typer.Option(help="The source to ask about; all of them when left out.")] = None,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """What sites state about training, and what each kind of opt-out costs: documents, characters, tokens."""
    from gristmill.flows.cli.data.whatif import curations
    from gristmill.flows.safety.rights import rights_cost

    home = existing(lake)
    found = [rights_cost(home, dataset) for dataset in curations(home, source)]
    if json:
        print_json([entry.model_dump(mode="json") for entry in found])
        return
    from gristmill.flows.describe import table_of

    console = screen()
    for entry in found:
        rows = [
            [row.statement, row.documents, f"{row.share:.1%}", row.only_this, row.characters, row.kept, row.tokens]
            for row in entry.rows
        ]
        heads = ["what is stated", "documents", "share", "by this alone", "characters", "kept", "tokens"]
        title = f"{entry.source}: {entry.documents:,} documents, {entry.characters:,} characters"
        console.print(table_of(title, heads, rows))
        console.print(
            f"Tokens are words and punctuation marks, {entry.tokens_by_character:.3f} a character in what was kept; of "
            "what was not kept they are estimated by that. 'By this alone': no other source reserves the document.",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
