"""Results as tables and small pictures in the terminal: the funnel, the loss curve, the scores."""

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from gristmill.core.printable import printable
from gristmill.flows.live import sparkline
from gristmill.schemas.scores import ALL, MACRO
from gristmill.warehouse.queries.why import Story

BAR = "█"
TEXT_SHOWN = 1500
DAMAGE_SHOWN = 5


def table_of(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A plain table; numbers to the right. Text from crawls and models is never markup and steers no terminal."""
    table = Table(
        title=printable(title), box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", header_style="dim"
    )
    numeric = [
        all(isinstance(row[n], int | float) or row[n] in ("", None) for row in rows) for n in range(len(columns))
    ]
    for column, is_number in zip(columns, numeric, strict=True):
        table.add_column(column, justify="right" if is_number else "left", overflow="fold", no_wrap=is_number)
    for row in rows:
        table.add_row(*[Text(show(value)) for value in row])
    return table


def show(value: object) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 100 else f"{value:,.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    return printable(str(value))


def funnel_table(summary: dict[str, Any]) -> Table:
    """Records in and out of every stage, with the rules that removed them and a bar of what is left."""
    total = max(summary["records"], 1)
    rows: list[list[object]] = []
    for stage in summary["stages"]:
        left = BAR * round(30 * stage["out"] / total)
        rows.append([stage["stage"], stage["in"], stage["out"], stage["in"] - stage["out"], left])
        for rule, count in sorted(stage["rejected"].items(), key=lambda item: -item[1])[:6]:
            rows.append(["", "", "", count, f"  {rule}"])
    return table_of("Funnel (records)", ["stage", "in", "out", "removed", ""], rows)


def detail_tables(summary: dict[str, Any]) -> list[Table]:
    """What extraction gave, what cleaning cut, what safety removed and redacted, the largest clusters; each if there
    is something to show."""
    gave = [[outcome, of, rows] for outcome, counts in summary["extraction"].items() for of, rows in counts.items()]
    cut = [[reason, row["lines"], row["cuts"], row["characters"]] for reason, row in summary["cuts"].items()]
    safety = summary.get("safety", {"removed": {}, "redacted": {}})  # an earlier version has none
    removed = [[rule, domain, rows] for rule, counts in safety["removed"].items() for domain, rows in counts.items()]
    redacted = [[kind, spans] for kind, spans in safety["redacted"].items()]
    groups = [
        [row["members"], row["lowest"], ", ".join(row["sources"]), row["pages"][0] if row["pages"] else ""]
        for row in summary["largest_clusters"][:5]
    ]
    found = [
        ("Extraction (records)", ["outcome", "by or for", "records"], gave),
        ("Cut from kept documents", ["reason", "lines", "cuts", "characters"], cut),
        ("Removed by safety rules (documents)", ["rule", "domain", "documents"], removed),
        ("Redacted in kept documents", ["kind of finding", "spans"], redacted),
        ("Largest clusters of duplicates", ["members", "similarity from", "sources", "stays"], groups),
    ]
    return [table_of(title, columns, rows) for title, columns, rows in found if rows]


def damage_lines(damage: dict[str, Any]) -> list[str]:
    """What could not be read of the inputs, with examples; empty when everything was."""
    told = [
        ("Input files not read", damage["files"]),
        ("Damaged byte ranges of inputs", damage["stretches"]),
        ("Broken records", damage["records"]),
    ]
    lines = [
        f"{what}: {sum(reasons.values()):,} (" + ", ".join(f"{n:,} {reason}" for reason, n in reasons.items()) + ")"
        for what, reasons in told
        if reasons
    ]
    total = sum(sum(reasons.values()) for _, reasons in told)
    shown = damage["examples"][:DAMAGE_SHOWN]
    lines += [f"  {entry['record_uri']}: {entry['reason']}: {entry['detail']}" for entry in shown]
    if total > len(shown):
        lines.append(f"  and {total - len(shown):,} more in the table set_aside; ask for them with gristmill query")
    return lines


def loss_curve(name: str, losses: Sequence[tuple[int, float]], width: int = 50) -> Text:
    """The loss over the tokens of a run as one line of blocks."""
    if not losses:
        return Text(f"{name:<16} (no steps)")
    values = [loss for _, loss in losses]
    line = sparkline(values, width)
    return Text(f"{name:<16} {values[0]:5.2f} {line} {values[-1]:.2f} nats a token, {losses[-1][0]:,} tokens")


def heldout_table(rows: Sequence[tuple[str, dict[str, Any]]]) -> Table:
    """The last held-out loss of every run by domain; ``rows``: mixture, row of ``heldout_losses``."""
    last = {(row["domain"], mixture): row["loss"] for mixture, row in sorted(rows, key=lambda entry: entry[1]["step"])}
    mixtures = sorted({mixture for _, mixture in last})
    shown = [
        [domain, *(last.get((domain, mixture)) for mixture in mixtures)]
        for domain in sorted({name for name, _ in last})
    ]
    return table_of("Held-out loss at the end (nats a token)", ["domain", *mixtures], shown)


def scores_table(rows: Sequence[dict[str, Any]]) -> Table:
    """A line for each suite and mixture: the score at every step, and the interval at the last.

    ``rows`` are those of the table ``scores`` with the checkpoint's label, mixture and step. Subjects of a board are on
    the page *Leaderboard*; here it has its two averages.
    """
    rows = [row for row in rows if row["subset"] in (ALL, MACRO) or row["area"] == "perplexity"]
    steps = sorted({row["step"] for row in rows})
    lines: dict[tuple[str, ...], dict[int, dict[str, Any]]] = {}
    for row in rows:
        name = row["mixture"] or row["label"]
        told = row["headline"] or row["convention"] == row["metric"]
        metric = row["metric"] if told else f"{row['metric']}, {row['convention']}"
        lines.setdefault((row["area"], row["suite"], metric, row["subset"], name), {})[row["step"]] = row
    columns = ["suite", "metric", "of", "model", *(f"step {step}" for step in steps), "95 % interval", "n", "chance"]
    shown: list[list[object]] = []
    for (_, suite, metric, subset, name), by_step in sorted(lines.items()):
        last = by_step[max(by_step)]
        scores = [by_step[step]["value"] if step in by_step else None for step in steps]
        interval = f"{last['low']:.3f} to {last['high']:.3f}"
        better = "" if last["higher_is_better"] else " (less is better)"
        shown.append([suite, metric + better, subset, name, *scores, interval, last["n"], last["chance"]])
    return table_of("Scores (the interval is that of the last step)", columns, shown)


def why_report(story: Story) -> Group:
    """Everything about one record: its fate first, then the evidence."""
    parts: list[Table | Text] = [
        Text(story.summary, style="bold green" if story.fate == "kept" else "bold red"),
        Text(f"{story.url or '(no address)'}\n{story.record_uri}  doc_id {story.doc_id or '(none)'}", style="dim"),
    ]
    if story.verdicts:
        rows = [
            [v.stage, "kept" if v.kept else v.rule, v.signal, v.value_text if v.value is None else v.value, v.threshold]
            for v in story.verdicts
        ]
        parts.append(table_of("Verdicts", ["stage", "rule", "signal", "value", "demanded"], rows))
    if story.signals:
        signals = [
            [
                f"{signal.table}.{signal.name}",
                show(signal.value),
                ", ".join(demand.threshold for demand in signal.demands) + (" FAILED" if signal.failed else ""),
                signal.about,
            ]
            for signal in story.signals
        ]
        parts.append(table_of("Signals", ["signal", "value", "demanded", "what it is"], signals))
    if story.cluster:
        members = [[m.url or m.doc_id, m.reason, m.similarity, "this one" if m.itself else ""] for m in story.cluster]
        parts.append(table_of("Duplicates", ["page", "why", "similarity", ""], members))
    if story.findings:
        findings = [[f.kind, f.start, f.end, f.detector] for f in story.findings]
        parts.append(table_of("Personal data", ["kind", "from", "to", "found by"], findings))
    if story.text:
        parts.append(Text("Text", style="bold"))
        parts.append(Text(story.text[:TEXT_SHOWN] + ("…" if len(story.text) > TEXT_SHOWN else "")))
    elif story.text_note:
        parts.append(Text(story.text_note, style="dim"))
    return Group(*parts)
