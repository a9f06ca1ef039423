"""Suites without a score because the machine failed (``infra``), as pages show them: counts, reasons, and the items.

Reasons repeat what a server or a program said: they are drawn as text nodes and nothing else.
"""

from collections.abc import Sequence

from nicegui import ui

from gristmill.dashboards.components.cards import badge, card
from gristmill.dashboards.components.tables import Column, table
from gristmill.dashboards.links import items_url
from gristmill.dashboards.wording import count
from gristmill.warehouse.queries.unanswered import Missing, Unscored

ABOUT = (
    "The machine failed on these items even after retries, and a score over the others would be a score of a different "
    "set. Answers are kept: run the same command again to ask for the missing ones. A complete run removes this notice."
)
MOST_REASONS = 3
SHOWN = 160
"""Characters of a reason to show among others."""


def summary(found: Unscored) -> str:
    """How many items lack an answer, and the most frequent reasons."""
    return f"{count(found.missing)} of {count(found.items)} items have no answer: {reasons(found)}"


def reasons(found: Unscored) -> str:
    """The most frequent reasons with their items, in a line or two; Items shows them in full."""
    shown = (
        f"{one.reason if len(one.reason) <= SHOWN else one.reason[:SHOWN] + '…'} ({count(one.items)})"
        for one in found.reasons[:MOST_REASONS]
    )
    return "; ".join(shown) + ("; …" if len(found.reasons) > MOST_REASONS else "")


def notice(found: Unscored, items: Sequence[Missing]) -> None:
    """Why the chosen checkpoint has no score on a suite, with every item without an answer."""
    with card(f"No score on {found.suite}", ABOUT, "notice"):
        with ui.element("div").classes("answer-head"):
            badge("infra")
            ui.label(found.label).classes("answer-name")
            ui.label(f"{count(found.missing)} of {count(found.items)} items have no answer").classes("muted")
        if len(found.reasons) > 1:
            table(
                [Column("reason", "Reason", "wrap"), Column("items", "Items", "number")],
                [reason.model_dump() for reason in found.reasons],
            )
        table(
            [
                Column("item", "Item", "mono"),
                Column("reason", "Reason", "wrap"),
                Column("answers", "Answers missing", "number"),
            ],
            [item.model_dump() for item in items],
            page=10,
        )


def unscored_table(found: Sequence[Unscored]) -> None:
    """A row for each checkpoint and suite without a score; the label links to the items."""
    columns = [
        Column("suite", "Suite"),
        Column("label", "Checkpoint"),
        Column("missing", "Items without an answer", "number"),
        Column("items", "Items", "number"),
        Column("reasons", "Reasons", "wrap"),
    ]
    rows = [
        {
            "suite": one.suite,
            "label": one.label,
            "label_href": items_url(one.suite, one.checkpoint),
            "missing": one.missing,
            "items": one.items,
            "reasons": reasons(one),
        }
        for one in found
    ]
    table(columns, rows, page=25)
