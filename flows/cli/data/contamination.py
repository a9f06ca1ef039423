"""``contamination``: evaluation items found in a corpus, or in what a checkpoint was trained on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gristmill.flows.cli.layers import settings_of
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, LakeOption, on_this_machine
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    from gristmill.flows.evaluate.settings import ContaminationSettings
    from gristmill.warehouse.connection import Warehouse
    from gristmill.warehouse.queries.contamination import CleanScore


def settings_model() -> "type[ContaminationSettings]":
    """The settings of the verb."""
    from gristmill.flows.evaluate.settings import ContaminationSettings

    return ContaminationSettings


def contamination(
    context: typer.Context,
    write_index: Annotated[
        Path | None,
        typer.Option(
            "--write-index", callback=on_this_machine, help="Also write the index, for curate --decontaminate."
        ),
    ] = None,
    lake: LakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Find evaluation items in a corpus: each is clean, input seen, or input and answer seen."""
    from gristmill.flows.evaluate.settings import place_contamination, place_data

    found = settings_of(context, settings_model(), place_contamination)
    settings = found.model_copy(update={"data": place_data(found.data, Path.cwd())})
    from gristmill.core.lake import Lake
    from gristmill.flows.checks import check_contamination

    home = existing(lake) if settings.checkpoint else Lake.open(lake)
    check_contamination(settings, home)
    from gristmill.flows.evaluate.contamination import checkpoint_digest, contamination_flow
    from gristmill.flows.prefect.server import ensure_server

    if settings.checkpoint:
        checkpoint_digest(settings.checkpoint, home)  # refuses one that is not there before anything starts
    ensure_server(home.root)
    from gristmill.flows.describe import table_of
    from gristmill.warehouse.connection import Warehouse

    entries = contamination_flow(str(home.root), settings, str(write_index.resolve()) if write_index else "")
    warehouse = Warehouse.open(home.root)
    scores = {entry["suite"]: _scores(warehouse, entry, own=not settings.corpus) for entry in entries}
    if json:
        for entry in entries:
            entry["scores"] = [score.model_dump() for score in scores[entry["suite"]]]
        print_json(entries)
        return
    counted = ("suite", "corpus", "items", "clean", "input", "answer", "short", "passage")
    console = screen()
    console.print(table_of("Items found", counted, [[entry[column] for column in counted] for entry in entries]))
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
