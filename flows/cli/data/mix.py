"""``mix``: curated text to tokens and plans."""

from typing import Annotated

import typer

from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing


def mix(
    method: Annotated[list[str], typer.Option(help="proportional, uniform or doremi; repeat for several mixtures.")],
    target_tokens: Annotated[int, typer.Option(help="Tokens that one training run reads.")] = 400_000,
    source: Annotated[list[str] | None, typer.Option(help="Corpora to take; all when left out.")] = None,
    max_epochs: Annotated[float, typer.Option(help="No domain is repeated more often than this.")] = 4.0,
    name: Annotated[str, typer.Option(help="What to call the mix.")] = "default",
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Tokenise curated text, find domain weights, and plan the order of training."""
    from gristmill.flows.checks import curated_refs
    from gristmill.flows.mix.settings import MixSettings

    settings = MixSettings.parse(
        {
            "sources": source or [],
            "target_tokens": target_tokens,
            "max_epochs": max_epochs,
            "mixtures": [{"name": entry, "method": entry} for entry in dict.fromkeys(method)],
        },
        "mix",
    )
    home = existing(lake)
    curated_refs(settings.sources, home)  # refuses what is missing before anything starts
    from gristmill.flows.prefect.server import ensure_server

    ensure_server(home.root, beside=("gristmill.flows.mix.flow",))
    from gristmill.flows.describe import mixture_table
    from gristmill.flows.mix.flow import mix as flow

    rows = flow(str(home.root), settings, name)
    if json:
        print_json(rows)
        return
    screen().print(mixture_table(rows))
