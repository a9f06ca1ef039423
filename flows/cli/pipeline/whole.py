"""What ``demo`` and ``run`` share: run the pipeline flow and show its results."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.cli.tables import show_curation, show_mix, show_rows, show_scores, show_training

if TYPE_CHECKING:
    from gristmill.core.lake import Lake

REACH = (
    "Each mixture was trained once, with one seed, and the intervals cover the choice of test items only. So a\n"
    "difference says which model did better on these items; it does not show that the data made the difference."
)


@dataclass(frozen=True)
class Extra:
    """One more table of a run: its name in JSON, its title on the screen, and how its rows are counted."""

    name: str
    title: str
    rows: Callable[["Lake"], list[dict[str, Any]]]


def run_pipeline(
    home: "Lake", settings: Any, name: str, shown_lake: Path, json: bool, extra: Extra | None = None
) -> None:
    """Run the pipeline flow and show its results. ``extra`` names and counts what else the lake shows afterwards."""
    from gristmill.flows.curate.result import LostInputError, NothingKeptError
    from gristmill.flows.pipeline import pipeline

    try:
        result = pipeline(str(home.root), settings, name)
    except (LostInputError, NothingKeptError) as error:
        if json:
            print_json({"curate": error.counts})
        else:
            show_curation(screen(), error.counts, shown_lake)
        raise
    more = extra.rows(home) if extra else []
    if json:
        print_json({**result, **({extra.name: more} if extra else {})})
        return
    console = screen()
    show_curation(console, result["curate"], shown_lake)
    if extra:
        show_rows(console, extra.title, more)
    show_mix(console, home, name)
    show_training(console, home, name)
    show_scores(console, result["scores"])
    console.print(f"\n{REACH}", markup=False, highlight=False)
    console.print(f"\nLook at it: gristmill dashboard --lake {shown_lake}", markup=False, highlight=False)
