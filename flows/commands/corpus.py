"""``curate`` and ``mix``: crawl to curated text, curated text to tokens and plans."""

from typing import Annotated

import typer

from flows.commands.options import DEFAULT_LAKE, JsonOption, LakeOption, WorkersOption, print_json, screen
from schemas.lake import Lake


def curate(
    inputs: Annotated[list[str], typer.Option("--input", help="File, folder or glob; may be repeated.")],
    source: Annotated[str, typer.Option(help="Name of the corpus; part of every doc_id.")],
    policy: Annotated[str, typer.Option(help="A preset's name, or the path of a policy file.")] = "fineweb",
    lake: LakeOption = DEFAULT_LAKE,
    workers: WorkersOption = 2,
    text_column: Annotated[str, typer.Option(help="Column of JSONL and Parquet that holds the text.")] = "text",
    json: JsonOption = False,
) -> None:
    """Turn a crawl into curated Parquet, with a verdict for every record."""
    from flows.server import ensure_server
    from flows.settings import CurateSettings

    settings = CurateSettings.parse(
        {"source": source, "inputs": inputs, "policy": policy, "text_column": text_column, "workers": workers}, "curate"
    )
    home = Lake.open(lake)
    ensure_server(home.root)
    from flows.curate import curate as flow
    from flows.describe import funnel_table
    from flows.engines.local import threads

    counts = flow.with_options(flow_run_name=f"curate {source}", task_runner=threads(workers))(str(home.root), settings)
    if json:
        print_json(counts)
        return
    console = screen()
    console.print(funnel_table(counts))
    console.print(
        f"{counts['kept']:,} of {counts['records']:,} records kept. Look closer: gristmill dashboard --lake {lake}",
        markup=False,
        highlight=False,
    )


def mix(
    method: Annotated[list[str], typer.Option(help="proportional, uniform or doremi; repeat for several mixtures.")],
    target_tokens: Annotated[int, typer.Option(help="Tokens that one training run reads.")] = 400_000,
    source: Annotated[list[str] | None, typer.Option(help="Corpora to take; all when left out.")] = None,
    max_epochs: Annotated[float, typer.Option(help="No domain is repeated more often than this.")] = 4.0,
    name: Annotated[str, typer.Option(help="What to call the mix.")] = "default",
    lake: LakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Tokenise curated text, find domain weights, and plan the order of training."""
    from flows.server import ensure_server
    from flows.settings import MixSettings

    settings = MixSettings.parse(
        {
            "sources": source or [],
            "target_tokens": target_tokens,
            "max_epochs": max_epochs,
            "mixtures": [{"name": entry, "method": entry} for entry in dict.fromkeys(method)],
        },
        "mix",
    )
    home = Lake.open(lake)
    ensure_server(home.root)
    from flows.describe import mixture_table
    from flows.mix import mix as flow

    rows = flow(str(home.root), settings, name)
    if json:
        print_json(rows)
        return
    screen().print(mixture_table(rows))
