"""Results that several verbs show: the funnel, mixtures, training and scores."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from gristmill.core.lake import Lake


def show_curation(console: Console, counts: dict[str, Any], lake: Path) -> None:
    """The funnel, what extraction, cleaning and deduplication did, and last which inputs could not be read."""
    from gristmill.flows.describe import damage_lines, detail_tables, funnel_table
    from gristmill.tasks.ledger.record_notes import RecordNotes

    console.print(funnel_table(counts))
    for table in detail_tables(counts):
        console.print(table)
    for line in (
        *RecordNotes.parse(counts["notes"], "notes").lines(),
        *damage_lines(counts["damage"]),
        f"{counts['kept']:,} of {counts['records']:,} records kept. Look closer: gristmill dashboard --lake {lake}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def show_mix(console: Console, home: "Lake", name: str) -> None:
    """Requested and realised shares of every mixture, beside the baselines."""
    from gristmill.flows.mix.show import shares_table

    dataset = home.dataset("mix", name)
    if dataset is None:
        return

    def rows(table: str) -> list[dict[str, Any]]:
        """A mix of an earlier version has no table of baselines."""
        return [row for ref in dataset.tables.get(table, ()) for row in home.read(ref).to_pylist()]

    console.print(shares_table({table: rows(table) for table in ("mixtures", "mixture_baselines")}))


def show_training(console: Console, home: "Lake", name: str) -> None:
    """The loss curve of every run."""
    from gristmill.flows.describe import heldout_table, loss_curve

    dataset = home.dataset("training", name)
    if dataset is None:
        return
    console.print(Text("Training loss", style="bold"))
    for ref in dataset.tables["losses"]:
        rows = home.read(ref).to_pylist()
        console.print(loss_curve(ref.shard, [(row["tokens"], row["loss"]) for row in rows]))
    measured = [
        (ref.shard, row) for ref in dataset.tables.get("heldout_losses", ()) for row in home.read(ref).to_pylist()
    ]
    if measured:
        console.print(heldout_table(measured))
    console.print()


def show_rows(console: Console, title: str, rows: list[dict[str, Any]]) -> None:
    """A table of rows whose keys are its columns; nothing where there are none."""
    from gristmill.flows.describe import table_of

    if rows:
        console.print(table_of(title, [key.replace("_", " ") for key in rows[0]], [[*row.values()] for row in rows]))


def show_scores(console: Console, rows: list[dict[str, Any]]) -> None:
    """Scores with intervals."""
    from gristmill.flows.describe import scores_table

    console.print(scores_table(rows))
