"""``experiment report``: the effects of an experiment that has run."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    from rich.console import Console

Rows = Sequence[Mapping[str, Any]]


def report(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An experiment that has run, or its file.")],
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Print what each arm of an experiment moved, did not move, or cannot tell."""
    from pathlib import Path

    home = existing(lake)
    called = Path(name).stem if name.endswith((".yaml", ".yml")) else name
    dataset = home.expect("experiment", called)
    tables = {ref.table: home.read(ref).to_pylist() for refs in dataset.tables.values() for ref in refs}
    if json:
        print_json(tables)
        return
    show(screen(), called, str(dataset.config["question"]), tables["effects"])


def show(console: "Console", name: str, question: str, effects: Rows) -> None:
    """A table of cells with their verdicts, the primary ones first, and what the verdicts mean."""
    from gristmill.flows.describe import table_of

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    if question:
        say(question)
    ordered = sorted(effects, key=lambda row: (not row["primary"], row["outcome"], row["arm"]))
    rows = [
        [
            row["arm"],
            row["outcome"] + ("" if row["higher_is_better"] else " (less is better)"),
            f"{row['control_value']:.4f}",
            f"{row['effect']:+.4f}",
            f"{row['low']:+.4f} to {row['high']:+.4f}",
            f"{row['p_holm']:.2g}",
            sentence(row),
            "primary" if row["primary"] else "exploratory",
            predicted(row),
        ]
        for row in ordered
    ]
    columns = ["arm", "outcome", "control", "arm - control", "95 % interval", "p, Holm", "verdict", "", "predicted"]
    seeds = max((row["seeds"] for row in effects), default=0)
    console.print(table_of(f"Effects of {name}, over {seeds} seeds", columns, rows))


def sentence(row: Mapping[str, Any]) -> str:
    """The verdict of a cell in words."""
    match row["verdict"]:
        case "moved":
            better = (row["effect"] > 0) == row["higher_is_better"]
            return f"moved {'up' if row['effect'] > 0 else 'down'} ({'better' if better else 'worse'})"
        case "no effect":
            return f"no effect larger than {row['bound']:.4f}"
        case _:
            return f"cannot tell (could have shown {row['bound']:.4f})"


def predicted(row: Mapping[str, Any]) -> str:
    """What was predicted, and whether it came so; empty where nothing was."""
    if not row["predicted"]:
        return ""
    if row["verdict"] == "cannot tell":
        return f"{row['predicted']}: open"
    came = "none" if row["verdict"] == "no effect" else "up" if row["effect"] > 0 else "down"
    return f"{row['predicted']}: {'came so' if came == row['predicted'] else f'came {came}'}"
