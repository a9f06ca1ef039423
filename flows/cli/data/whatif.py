"""``whatif``: the funnel another policy would give, from the stored signals."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gristmill.core.errors import UsageError
from gristmill.core.hints import on_lake
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    from rich.console import Console

    from gristmill.core.lake import Lake
    from gristmill.core.manifest import Dataset
    from gristmill.tasks.filtering.what_if import WhatIf

SHOWN_GROUPS = 12
SHOWN_URL = 70


def whatif(
    policy: Annotated[str, typer.Option(help="A preset's name, or the path of a policy file.")],
    source: Annotated[str | None, typer.Option(help="The source to ask about; all of them when left out.")] = None,
    examples: Annotated[int, typer.Option(min=0, max=100, help="Documents to show for each rule and change.")] = 3,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """The funnel another policy would give, from the stored signals: nothing is read or computed again."""
    from gristmill.tasks.filtering.policy import load_policy
    from gristmill.tasks.filtering.what_if import what_if

    home = existing(lake)
    other = load_policy(policy)
    answers = [what_if(home, dataset, other, examples) for dataset in curations(home, source)]
    if json:
        print_json([answer.model_dump(mode="json") for answer in answers])
        return
    console = screen()
    for answer in answers:
        show(console, answer)


def curations(lake: "Lake", source: str | None) -> list["Dataset"]:
    """The committed curations, or the one of ``source``. Raises ``UsageError`` when there is none."""
    found = [entry for entry in lake.datasets("curation") if source in (None, entry.name)]
    if not found:
        names = ", ".join(lake.names("curation"))
        curate = on_lake("gristmill curate --input PATH --source NAME", Path(lake.root))
        known = f"There are {names}." if names else f"{curate} makes one."
        wanted = f"--source {source}: no curation of that name" if source else "no curation"
        raise UsageError(f"{wanted} in the lake {Path(lake.root)}. {known}")
    return found


def show(console: "Console", answer: "WhatIf") -> None:
    """One answer as tables: totals, rules, languages, domains, examples."""
    from gristmill.flows.describe import table_of

    console.print(
        f"{answer.source}: {answer.policy_before} → {answer.policy_after}, {answer.documents:,} documents. "
        f"{answer.before:,} pass now, {answer.after:,} would: {answer.gained:,} gained, {answer.lost:,} lost.",
        markup=False,
        highlight=False,
    )
    fields = {
        "rule": "rule",
        "demand_before": "now",
        "demand_after": "then",
        "first_before": "first, now",
        "first_after": "first, then",
        "any_before": "any, now",
        "any_after": "any, then",
    }
    rules = [[getattr(rule, field) for field in fields] for rule in answer.rules]
    columns = list(fields.values())
    console.print(table_of("Rejected by rule: first of the rules to fail, and any", columns, rules))
    if answer.safety:
        safety = [[row.rule, row.before, row.after] for row in answer.safety]
        console.print(
            table_of("Dropped or held by safety rules, of what was reviewed", ["rule", "now", "then"], safety)
        )
    for title, groups in (("By language", answer.by_language), ("By domain", answer.by_domain)):
        rows = [
            [group.name, group.documents, group.before, group.after, group.gained, group.lost]
            for group in groups[:SHOWN_GROUPS]
        ]
        if len(groups) > SHOWN_GROUPS:
            title += f" (the {SHOWN_GROUPS} largest of {len(groups)}; --json has all)"
        console.print(table_of(title, ["", "documents", "pass now", "would pass", "gained", "lost"], rows))
    changed = [
        [
            example.change,
            example.rule,
            example.value_text if example.value is None else f"{example.value:.6g}",
            example.threshold,
            (example.url or example.doc_id)[:SHOWN_URL],
        ]
        for example in answer.examples
    ]
    if changed:
        console.print(table_of("Documents that change", ["", "rule", "value", "demand", "page"], changed))
    console.print(f"After deduplication {answer.kept_before:,} were kept. {answer.note}", markup=False, highlight=False)
