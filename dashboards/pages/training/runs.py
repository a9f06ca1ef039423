"""The runs of the page Training as key figures, as a list of what needs attention, and as a table."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from nicegui import ui

from gristmill.dashboards.components.cards import badge, card, tile
from gristmill.dashboards.components.tables import Column, table
from gristmill.dashboards.links import page_url
from gristmill.dashboards.wording import count, seconds, share, tone
from gristmill.warehouse.queries.training.runs import LIVE, TrainingRun

ATTENTION = ("stalled", "silent", "preempted", "failed", "lost", "not started")
MOST_ATTENTION = 6
SHOWN = 400
"""Characters of a reason, which may be the last words of a trainer."""
HINTS = {
    "stalled": "The trainer lives and has said nothing for long. See its output, or cancel it.",
    "silent": "Its watcher does not write any more: the machine may be gone. Run the same command again to follow it.",
    "preempted": "It goes on from its last checkpoint when the same command is run, or still runs.",
    "failed": "Run the same command again: it goes on from its last checkpoint.",
    "lost": "Run the same command again: it goes on from its last checkpoint.",
    "not started": "Its command ended before it handed the job over. Run the same command again to start it.",
}


def tiles(runs: Sequence[TrainingRun]) -> None:
    """What runs, and what it took so far."""
    going = [run for run in runs if run.state in LIVE]
    ended = [run for run in runs if run.state == "succeeded"]
    used = sum(run.gpu_seconds or 0.0 for run in runs)
    wasted_gpu = sum(run.wasted_gpu_seconds or 0.0 for run in runs)
    wasted = sum(run.wasted_seconds or 0.0 for run in runs)
    preempted, failed = sum(run.preemptions or 0 for run in runs), sum(run.failures or 0 for run in runs)
    rate = sum(run.tokens_per_second or 0.0 for run in going if run.state == "running")
    with ui.element("div").classes("tiles"):
        running = [run for run in going if run.state in ("running", "stalled")]
        waiting = f"{count(len(going) - len(running))} waiting or silent" if len(going) > len(running) else ""
        told = [waiting, f"{rate:,.0f} tokens/s" if rate else ""]
        tile("Running", count(len(running)), ", ".join(filter(None, told)) or "now")
        tile("Trained", count(len(ended)), f"{count(sum(run.tokens or 0 for run in ended))} tokens")
        tile("Checkpoints", count(sum(run.checkpoints or 0 for run in runs)), "saved and kept")
        tile("Preemptions", count(preempted), f"{count(failed)} failures")
        if used:
            tile("GPU time", seconds(used), "all attempts")
            tile("GPU time wasted", share(round(wasted_gpu), round(used)), "after the last checkpoint before an end")
        else:
            tile("Time wasted", seconds(wasted), "after the last checkpoint before an end")


def attention_card(runs: Sequence[TrainingRun]) -> None:
    """Runs that do not go on by themselves, with why and what to do."""
    found = [run for run in runs if run.state in ATTENTION]
    if not found:
        return
    with card("Needs attention"):
        for run in found[:MOST_ATTENTION]:
            with ui.element("div").classes("gate-line"):
                badge(run.state)
                ui.label(run.mixture or run.run[:12]).classes("gate-name ellipsis")
                ui.label(f"{step_of(run)}. {HINTS[run.state]}").classes("notice-text muted")
                if run.reason:
                    said = run.reason if len(run.reason) <= SHOWN else f"{run.reason[:SHOWN]}…"
                    ui.label(said).classes("example push-line").props('lang=""')
        if len(found) > MOST_ATTENTION:
            ui.label(f"and {count(len(found) - MOST_ATTENTION)} more, in the table").classes("card-about")


def step_of(run: TrainingRun) -> str:
    """How far a run is."""
    if run.step is None:
        return "not begun"
    return f"step {count(run.step)} of {count(run.steps)}" if run.steps else f"step {count(run.step)}"


COLUMNS = (
    Column("state", "State", "badge"),
    Column("mixture", "Mixture", "link"),
    Column("drawn", "Curve", "link"),
    Column("part", "Step", "share"),
    Column("loss", "Loss", "score"),
    Column("heldout", "Held-out", "score"),
    Column("tokens", "Tokens", "number"),
    Column("rate", "Tokens/s", "number"),
    Column("mfu", "MFU", "percent"),
    Column("recipe", "Recipe"),
    Column("where", "Where"),
    Column("parameters", "Parameters", "number"),
    Column("checkpoints", "Checkpoints", "number"),
    Column("preemptions", "Preempted", "number"),
    Column("failures", "Failed", "number"),
    Column("gpu", "GPU time"),
    Column("wasted", "Wasted"),
    Column("mix", "Mix"),
    Column("run", "Run", "mono"),
)


def runs_card(
    runs: Sequence[TrainingRun], url: Callable[[str], str], drawn: Collection[str]
) -> Callable[[Sequence[TrainingRun]], None]:
    """The table of all runs. Returns what to give them to when they have changed."""
    about = (
        "Rates and MFU are those of the last attempt. Wasted is what ran after the last checkpoint before a preemption "
        "or a failure."
    )
    with card("Runs", about):
        shown = table(COLUMNS, [_row(run, url, drawn) for run in runs], page=25).classes("board")

    def update(now: Sequence[TrainingRun]) -> None:
        """Show how they stand now."""
        shown.rows = [{**_row(run, url, drawn), "id": place} for place, run in enumerate(now)]

    return update


def _row(run: TrainingRun, url: Callable[[str], str], drawn: Collection[str]) -> dict[str, Any]:
    where = " ".join(part for part in (run.launcher, _device(run)) if part)
    wasted = run.wasted_seconds or 0.0
    part = run.step / run.steps if run.step is not None and run.steps else None
    return run.model_dump() | {
        "mixture": run.mixture or "(no mixture)",
        "mixture_href": page_url("/mixtures", mix=run.mix, mixture=run.mixture) if run.mix and run.mixture else None,
        "state_tone": tone(run.state),
        "drawn": "remove" if run.run in drawn else "add",
        "drawn_href": url(run.run),
        "part": part,
        "part_text": step_of(run).removeprefix("step "),
        "rate": None if run.tokens_per_second is None else round(run.tokens_per_second),
        "where": where,
        "gpu": seconds(run.gpu_seconds) if run.gpu_seconds else None,
        "wasted": seconds(wasted) if wasted >= 0.5 else None,
        "run": run.run[:16],
    }


def _device(run: TrainingRun) -> str:
    if not run.device:
        return ""
    return run.device if not run.processes or run.processes == 1 else f"{run.processes} × {run.device}"
