"""Mixtures as the command line prints them: shares beside the baselines, caps, checks, and what to be careful about."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gristmill.core.printable import printable
from gristmill.flows.describe import table_of
from gristmill.flows.mix.changes import because
from gristmill.tasks.mix.mixers.swarm.reuse import Lost
from gristmill.tasks.train.schedule import ScheduleName, learning_rate
from gristmill.tasks.train.stage_rates import StageRate, careful, with_rates

if TYPE_CHECKING:
    from gristmill.flows.mix.preview import PlannedMix

Rows = Sequence[Mapping[str, Any]]

STAGE_COLUMNS = ("mixture", "stage", "tokens", "order", "domains (share of the stage, and times each is seen in it)")
MOST_WITHOUT_VALUE = 0.02
PART = 0.02
"""Of a domain: less is not shown as a reading of its own."""
SCHEDULE: ScheduleName = "cosine"
"""What ``train`` takes unless told otherwise; with :data:`WARMUP`, and a run cut in :data:`STEPS`."""
WARMUP, STEPS = 0.05, 1000


def show_mixtures(tables: Mapping[str, Rows], console: Console) -> None:
    """Print the tables of a mix by name, as the flow ``mix`` returns them. Warnings come last."""
    console.print(shares_table(tables))
    if any(row["stage"] or row["signal"] for row in tables["mixture_stages"]):
        console.print(stages_table(tables))
    if tables["mixture_caps"]:
        console.print(caps_table(tables["mixture_caps"]))
    if tables["mixture_checks"]:
        console.print(checks_table(tables["mixture_checks"]))
    if reuse := tables.get("trial_reuse"):
        console.print(reuse_table(reuse))
    for line in [*warnings(tables["mixture_checks"]), *stage_warnings(tables)]:
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
        cell = f"{row['weight']:.3f} ({round(row['epochs'], 4):.2g}x)"
        lines.setdefault((row["mixture"], row["domain"]), {})[row["cap"]] = cell
    columns = ["mixture", "domain", *(f"at most {cap:g} epochs" for cap in caps)]
    shown = [[*names, *(cells.get(cap, "") for cap in caps)] for names, cells in lines.items()]
    return table_of("At other caps (share of the tokens, and how often each domain is seen)", columns, shown)


def checks_table(rows: Rows) -> Table:
    """What is known of each learned mixture."""
    shown = [
        [row["mixture"], row["name"], row["value"], "see Careful below" if row["warning"] else row["detail"]]
        for row in rows
    ]
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
    staged = []
    for each in planned.mixtures:
        begin = 0
        for number, stage in enumerate(each.stages):
            cells = [(name, share, (stage.epochs or {})[name]) for name, share in (stage.shares or {}).items()]
            staged.append([each.mixture, number, *_stage_cells(begin, stage.until_token, stage.order, cells)])
            begin = stage.until_token
    if staged:
        console.print(table_of("Stages", STAGE_COLUMNS, staged))
    if planned.cached < planned.shards:
        say("How many trials would run is known when the tokens are there.")
    if trials := planned.as_json()["trials"]:
        console.print(reuse_table(trials))


def warnings(rows: Rows) -> list[str]:
    """A line for each warning."""
    return [f"{row['mixture']}: {row['name']}: {row['detail']}" for row in rows if row["warning"]]


def stages_table(tables: Mapping[str, Rows]) -> Table:
    """The stages of every mixture: tokens, order of the rows, and for each domain its share and its epochs there."""
    shown = []
    for stage in tables["mixture_stages"]:
        cells = [(row["domain"], row["realised"], row["epochs"]) for row in _domains_of(stage, tables) if row["rows"]]
        told = _stage_cells(stage["first_token"], stage["until_token"], _order(stage), cells)
        shown.append([stage["mixture"], stage["stage"], *told])
    return table_of("Stages", STAGE_COLUMNS, shown)


def _stage_cells(first: int, until: int, order: str, domains: Sequence[tuple[str, float, float]]) -> list[str]:
    """Tokens and order of a stage, and for each domain its share and its epochs; nothing for those not known yet."""
    told = ", ".join(f"{name} {share:.3f} ({epochs:.2g}x)" for name, share, epochs in domains if share)
    return [f"{first:,} to {until:,}", order, told]


def stage_warnings(tables: Mapping[str, Rows]) -> list[str]:
    """A line for each thing about stages that people should know: what an order does not do, and what undoes it."""
    lines: list[str] = []
    done: dict[tuple[str, str], float] = {}
    for stage in tables["mixture_stages"]:
        where = f"{stage['mixture']}: stage {stage['stage']}"
        if (stage["without_value"] or 0) > MOST_WITHOUT_VALUE:
            lines.append(f"{where}: {stage['without_value']:.0%} of its rows have no {stage['signal']}, and come last")
        for row in _domains_of(stage, tables):
            begun = done.get((row["mixture"], row["domain"]), 0.0)
            done[row["mixture"], row["domain"]] = ended = begun + row["epochs"]
            if stage["signal"] is not None and math.ceil(ended - PART) > math.floor(begun + PART) + 1:
                lines.append(
                    f"{where}: it goes from {begun:.2f} to {ended:.2f} readings of {row['domain']}, and its order "
                    "starts over with each"
                )
    for name in dict.fromkeys(stage["mixture"] for stage in tables["mixture_stages"]):
        stages = [stage for stage in tables["mixture_stages"] if stage["mixture"] == name]
        lines += [
            f"{name}: {line}" for line in careful([_at_default_rate(stage, stages[-1]) for stage in stages], STEPS)
        ]
    return lines


def _at_default_rate(stage: Mapping[str, Any], last: Mapping[str, Any]) -> StageRate:
    """A stage in a run of :data:`STEPS` steps with the schedule that ``train`` takes unless told otherwise."""
    first_step = stage["first_token"] * STEPS // last["until_token"] + 1
    last_step = max(-(-stage["until_token"] * STEPS // last["until_token"]), first_step)
    found = StageRate(stage["stage"], first_step, last_step, stage["signal"], stage["descending"])

    def rate(step: int) -> float:
        return learning_rate(SCHEDULE, 1.0, step, STEPS, warmup_share=WARMUP, decay_share=1.0)

    return with_rates(found, f"{SCHEDULE}, which train takes unless told otherwise", 1.0, rate)


def _domains_of(stage: Mapping[str, Any], tables: Mapping[str, Rows]) -> list[Mapping[str, Any]]:
    return [row for row in tables["mixtures"] if (row["mixture"], row["stage"]) == (stage["mixture"], stage["stage"])]


def _order(stage: Mapping[str, Any]) -> str:
    if stage["signal"] is None:
        return "shuffled"
    return f"{stage['signal']}, {'descending' if stage['descending'] else 'ascending'}"
