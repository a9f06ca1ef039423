"""Write the table of signal sets in ``docs/signals.md`` from the registry: ``python tools/signal_sets.py``."""

from dataclasses import fields
from pathlib import Path

from gristmill.tasks.signals.registry import SETS, SignalSet, SignalSettings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "signals.md"
BEGIN, END = "<!-- written by tools/signal_sets.py: begin -->\n", "<!-- end -->\n"


def table(sets: tuple[SignalSet, ...] = SETS) -> str:
    """A Markdown table with a row for each set."""
    rows = [
        f"| `{entry.step.name}` | `{entry.table.name}` | {entry.table.about.removesuffix('.')} | {computed(entry)} |"
        for entry in sets
    ]
    return "\n".join(["| step | table | what it holds | computed |", "|---|---|---|---|", *rows, ""])


def computed(entry: SignalSet) -> str:
    """When a run computes the set, for the table."""
    if entry.default == "always":
        return "always"
    named = SignalSettings(
        **{field.name: Path(field.name) for field in fields(SignalSettings) if field.default is None}
    )
    setting = entry.needs(named)
    asked = "when the policy looks at it, or with `signals: all`" if entry.default == "asked" else ""
    given = f"with `{setting}`" if setting else ""
    return " or ".join(filter(None, (asked, given)))


def renewed(page: str) -> str:
    """``page`` with the current table between its marks."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END, 1)[1]


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
