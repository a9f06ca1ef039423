"""``compare``: is checkpoint B better than checkpoint A, on which suites, by how much, and on which items."""

from typing import TYPE_CHECKING, Annotated

import typer

from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    from rich.console import Console

    from gristmill.warehouse.queries.comparison import Comparison, Difference, Side, SuiteComparison

SHOWN_OUTPUT = 60

ASide = Annotated[str, typer.Argument(metavar="A", help="Label or digest (its start) of an evaluated checkpoint.")]
BSide = Annotated[str, typer.Argument(metavar="B", help="The checkpoint that may be better.")]
SuitesOption = Annotated[
    list[str] | None, typer.Option("--suite", help="Compare on this suite; repeat for several; all when left out.")
]


def compare(
    a: ASide,
    b: BSide,
    suite: SuitesOption = None,
    convention: Annotated[
        str | None,
        typer.Option(help="Compare what this convention gave, such as gold-bits; the headline's if left out."),
    ] = None,
    examples: Annotated[int, typer.Option(min=0, help="Items to show that the two scored differently on.")] = 5,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Is checkpoint B better than checkpoint A? Item by item, on the suites that both were asked."""
    from gristmill.warehouse.connection import Warehouse
    from gristmill.warehouse.queries.compare import compare as ask

    warehouse = Warehouse.open(existing(lake).root)
    answer = ask(warehouse, a, b, suite or (), convention=convention, examples=None if json else examples)
    if json:
        print_json(answer.model_dump(mode="json"))
        return
    show(screen(), answer)


def show(console: "Console", answer: "Comparison") -> None:
    """One sentence a suite, the numbers, and the items."""
    from gristmill.flows.describe import table_of

    for suite in answer.suites:
        for line in _sentences(suite):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    for refused in answer.refused:
        console.print(f"{refused.suite}: not compared, {refused.reason}", markup=False, highlight=False, soft_wrap=True)
    rows = [_row(suite, part) for suite in answer.suites for part in _parts(suite)]
    columns = [
        "suite",
        "metric",
        "of",
        "A",
        "B",
        "B - A",
        "95 % interval",
        "p",
        "p, Holm",
        "A better",
        "B better",
        "items",
    ]
    title = f"A is {answer.a.label}, B is {answer.b.label} (A better, B better: on how many items)"
    console.print(table_of(title, columns, rows))
    for suite in answer.suites:
        items = [
            [item.item, item.value_a, item.value_b, _short(item.expected), _short(item.output_a), _short(item.output_b)]
            for item in suite.discordant
        ]
        if items:
            total = suite.whole.more_a + suite.whole.more_b
            head = f"{suite.suite}: {len(items)} of {total} items that differ (--json has all)"
            console.print(table_of(head, ["item", "A", "B", "expected", "A gave", "B gave"], items))
    if answer.data:
        for name, side in (("A", answer.a), ("B", answer.b)):
            console.print(f"{name} is {_plan(side)}", markup=False, highlight=False, soft_wrap=True)
        shares = [
            [part.domain, part.share_a, part.share_b, f"{part.share_b - part.share_a:+.3f}"] for part in answer.data
        ]
        console.print(table_of("Share of the training plan", ["domain", "A", "B", "B - A"], shares))


def _plan(side: "Side") -> str:
    return f"{side.mixture}, step {side.step}, {side.tokens:,} tokens"


def _sentences(suite: "SuiteComparison") -> list[str]:
    lines = [f"{suite.suite}: {suite.whole.sentence}"]
    if suite.macro:
        lines.append(f"{suite.suite}, every subject alike: {suite.macro.sentence}")
    if suite.left_out:
        lines.append(f"{suite.suite}: items left out because the machine failed on them: {suite.left_out}")
    return lines + [f"{suite.suite}: {note}" for note in suite.notes]


def _parts(suite: "SuiteComparison") -> list["Difference"]:
    """The whole, the macro average, and the subjects in which a difference is shown."""
    shown = [subject for subject in suite.subjects if subject.verdict != "not shown"]
    return [suite.whole, *([suite.macro] if suite.macro else []), *shown]


def _row(suite: "SuiteComparison", part: "Difference") -> list[object]:
    interval = f"{part.low:+.3f} to {part.high:+.3f}"
    values = [part.value_a, part.value_b, f"{part.difference:+.3f}", interval, f"{part.p:.2g}", f"{part.p_holm:.2g}"]
    better = "" if suite.higher_is_better else " (less is better)"
    return [suite.suite, suite.metric + better, part.subset, *values, part.more_a, part.more_b, part.items]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_OUTPUT else line[: SHOWN_OUTPUT - 1] + "…"
