"""Mixtures as the command line prints them: shares beside the baselines, caps, checks, and what to be careful about."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gristmill.core.printable import printable
from gristmill.flows.describe import table_of
from gristmill.flows.mix.changes import because
from gristmill.tasks.mix.mixers.swarm.reuse import Lost

if TYPE_CHECKING:
    from gristmill.flows.mix.preview import PlannedMix

Rows = Sequence[Mapping[str, Any]]


def show_mixtures(tables: Mapping[str, Rows], console: Console) -> None:
    """Print the tables of a mix by name, as the flow ``mix`` returns them. Warnings come last."""
    console.print(shares_table(tables))
    if tables["mixture_caps"]:
        console.print(caps_table(tables["mixture_caps"]))
    if tables["mixture_checks"]:
        console.print(checks_table(tables["mixture_checks"]))
    if reuse := tables.get("trial_reuse"):
        console.print(reuse_table(reuse))
    for line in warnings(tables["mixture_checks"]):
        console.print(Text(f"Careful: {printable(line)}"), soft_wrap=True)


def shares_table(tables: Mapping[str, Rows]) -> Table:
    """Every domain of every mixture: shares without caps, under them and in the plan, beside those of the baselines."""
    beside = {(row["mixture"], row["baseline"], row["domain"]): row for row in tables["mixture_baselines"]}
    columns = ["mixture", "domain", "raw", "capped", "90 % interval", "realised", "epochs", "cap"]
    columns += ["proportional", "uniform"]
    shown = []
    for row in tables["mixtures"]:
        name, domain = row["mixture"], row["domain"]
        own, *others = (beside.get((name, label, domain)) for label in (name, "proportional", "uniform"))
        bars = "" if own is None or own["low"] is None else f"{own['low']:.3f} to {own['high']:.3f}"
        shown.append(
            [
                name,
                domain,
                row["weight_raw"],
                row["weight"],
                bars,
                row["realised"],
                row["epochs"],
                row["max_epochs"],
                *(None if other is None else other["capped"] for other in others),
            ]
        )
    return table_of("Mixtures (shares of the tokens; proportional and uniform under the same caps)", columns, shown)


def caps_table(rows: Rows) -> Table:
    """A line for each domain of each mixture: its share and epochs at each repetition cap."""
    caps = sorted({row["cap"] for row in rows})
    lines: dict[tuple[str, str], dict[float, str]] = {}
    for row in rows:
        cell = f"{row['weight']:.3f} ({row['epochs']:.2g}x)"
        lines.setdefault((row["mixture"], row["domain"]), {})[row["cap"]] = cell
    columns = ["mixture", "domain", *(f"at most {cap:g} epochs" for cap in caps)]
    shown = [[*names, *(cells.get(cap, "") for cap in caps)] for names, cells in lines.items()]
    return table_of("At other caps (share of the tokens, and how often each domain is seen)", columns, shown)


def checks_table(rows: Rows) -> Table:
    """What is known of each learned mixture."""
    shown = [[row["mixture"], row["name"], row["value"], "" if row["warning"] else row["detail"]] for row in rows]
    return table_of("Checks", ["mixture", "check", "value", "meaning"], shown)


def reuse_table(rows: Rows) -> Table:
    """What the last change of the data did to the trials of each mixture. ``reused`` is missing in a dry run."""
    shown = []
    for name in sorted({row["mixture"] for row in rows}):
        own = [row for row in rows if row["mixture"] == name]
        lost = [Lost(tuple(row["changed"]), tuple(row["gone"])) for row in own]
        reused = sum(row["reused"] for row in own) if "reused" in own[0] else None
        shown.append([name, len(own), sum(map(bool, lost)), reused, because(lost).strip(" ()")])
    columns = ["mixture", "trials before", "stranded", "reused", "what changed"]
    return table_of("Trials before the last change of the data", columns, shown)


def show_plan(planned: "PlannedMix", console: Console) -> None:
    """Print what a mix would be made of and what would run."""

    def say(line: str) -> None:
        console.print(printable(line), markup=False, highlight=False, soft_wrap=True)

    say(f"tokens of {planned.cached} of {planned.shards} curated shards are cached")
    if not planned.tokenizer:
        say(
            "the tokenizer is not: one that is learnt changes with the text, and all tokens with it. Name one with "
            "--tokenizer to keep tokens and trials that a change of the data leaves as they are."
        )
    columns = ["mixture", "method", "cached", "trials to run", "trials reused"]
    rows = [[each.mixture, each.method, each.cached, each.run, each.reused] for each in planned.mixtures]
    console.print(table_of("Mixtures", columns, rows))
    if planned.cached < planned.shards:
        say("How many trials would run is known when the tokens are there.")
    if trials := planned.as_json()["trials"]:
        console.print(reuse_table(trials))


def warnings(rows: Rows) -> list[str]:
    """A line for each warning."""
    return [f"{row['mixture']}: {row['name']}: {row['detail']}" for row in rows if row["warning"]]
