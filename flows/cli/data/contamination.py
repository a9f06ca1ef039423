"""``contamination``: evaluation items found in a corpus, or in what a checkpoint was trained on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gristmill.flows.cli.options import (
    DEFAULT_LAKE,
    AllowDamageOption,
    DataOption,
    FollowLinksOption,
    JsonOption,
    LakeOption,
    LicenceOption,
    MapOption,
    UnquotedOption,
    WorkersOption,
    on_this_machine,
)
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    from gristmill.warehouse.connection import Warehouse
    from gristmill.warehouse.queries.contamination import CleanScore


def contamination(
    suite: Annotated[list[str], typer.Option("--suite", help="Name of a suite, or name@50; repeat for several.")],
    corpus: Annotated[
        list[str] | None,
        typer.Option("--corpus", help="A curated source of the lake, or a file, folder, glob or address; repeatable."),
    ] = None,
    checkpoint: Annotated[
        str, typer.Option(help="Label or digest of a checkpoint: search its training data, and split its scores.")
    ] = "",
    name: Annotated[str, typer.Option(help="What to call the corpus; the names of its sources when left out.")] = "",
    columns: MapOption = "",
    unquoted: UnquotedOption = False,
    follow_links: FollowLinksOption = False,
    allow_damage: AllowDamageOption = False,
    threshold: Annotated[float, typer.Option(help="Share of the wording that counts as found in long texts.")] = 0.8,
    write_index: Annotated[
        Path | None,
        typer.Option(
            "--write-index", callback=on_this_machine, help="Also write the index, for curate --decontaminate."
        ),
    ] = None,
    data: DataOption = None,
    accept_licence: LicenceOption = None,
    lake: LakeOption = DEFAULT_LAKE,
    workers: WorkersOption = 2,
    json: JsonOption = False,
) -> None:
    """Find evaluation items in a corpus: each is clean, input seen, or input and answer seen."""
    from gristmill.flows.checks import check_contamination
    from gristmill.flows.evaluate.settings import ContaminationSettings
    from gristmill.tasks.ingest.readers.rows.columns import parse_map

    settings = ContaminationSettings.parse(
        {
            "suites": suite,
            "corpus": corpus or [],
            "checkpoint": checkpoint,
            "name": name,
            "map": parse_map(columns).model_dump(),
            "unquoted": unquoted,
            "follow_links": follow_links,
            "allow_damage": allow_damage,
            "threshold": threshold,
            "data": str(data.resolve()) if data else "",
            "accept_licences": accept_licence or [],
            "workers": workers,
        },
        "contamination",
    )
    from gristmill.core.lake import Lake

    home = existing(lake) if settings.checkpoint else Lake.open(lake)
    check_contamination(settings, home)
    from gristmill.flows.evaluate.contamination import checkpoint_digest, contamination_flow
    from gristmill.flows.prefect.server import ensure_server

    if checkpoint:
        checkpoint_digest(checkpoint, home)  # refuses one that is not there before anything starts
    ensure_server(home.root)
    from gristmill.flows.describe import table_of
    from gristmill.warehouse.connection import Warehouse

    found = contamination_flow(str(home.root), settings, str(write_index.resolve()) if write_index else "")
    warehouse = Warehouse.open(home.root)
    scores = {entry["suite"]: _scores(warehouse, entry, own=not settings.corpus) for entry in found}
    if json:
        for entry in found:
            entry["scores"] = [score.model_dump() for score in scores[entry["suite"]]]
        print_json(found)
        return
    counted = ("suite", "corpus", "items", "clean", "input", "answer", "short", "passage")
    console = screen()
    console.print(table_of("Items found", counted, [[entry[column] for column in counted] for entry in found]))
    rows = [[suite, *row] for suite, known in scores.items() for score in known for row in _rows(score)]
    if rows:
        shown = ("suite", "convention", "items", "n", "score", "low", "high")
        console.print(table_of("Scores with and without seen items", shown, rows))


def _scores(warehouse: "Warehouse", entry: dict[str, Any], own: bool) -> list["CleanScore"]:
    """The scores with and without the items found in this corpus; ``own``: the checkpoint was trained on it."""
    from gristmill.warehouse.queries.contamination import clean_scores

    found = clean_scores(warehouse, entry["suite"], entry["checkpoint"])
    return [score for score in found if (score.corpus, score.own) == (entry["corpus"], own)]


def _rows(score: "CleanScore") -> list[list[object]]:
    parts = (
        ("all", score.items, score.whole),
        ("clean", score.clean_items, score.clean),
        ("all minus clean", score.items, score.difference),
    )
    return [[score.convention, name, n, ends.value, ends.low, ends.high] for name, n, ends in parts]
