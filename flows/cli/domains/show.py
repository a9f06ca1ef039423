"""``domains show``: which domain each curated document has, by which rule, and how two assignments overlap."""

from typing import Annotated, Any

import typer

from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.existing_lake import existing

MOST_COLUMNS = 12


def show(
    rules: Annotated[
        str,
        typer.Argument(
            help="A file of rules, a mix by its name, source or language; the curation's domains when left out."
        ),
    ] = "",
    against: Annotated[
        str | None, typer.Option("--against", help="Another assignment: a file, a mix, curation, source or language.")
    ] = None,
    source: Annotated[list[str] | None, typer.Option("--source", help="Sources to look at; all when left out.")] = None,
    examples: Annotated[int, typer.Option("--examples", min=0, help="Documents to show of each domain.")] = 2,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Show the domains of curated documents: how many, how large, which rule took them, and examples."""
    from gristmill.flows.domains.show import named_rules, show_assignment
    from gristmill.flows.reporter import Reporter

    home = existing(lake)
    first = named_rules(rules, home)
    second = None if against is None else named_rules(against, home)
    with Reporter() as report:
        told = show_assignment(first, second, against is not None, source or (), examples, home, report)
    if json:
        print_json(told)
        return
    _print(told, against or "")


def _print(told: dict[str, Any], against: str) -> None:
    from gristmill.flows.describe import table_of

    console = screen()
    rows = []
    for domain in told["domains"]:
        counts = [domain["documents"], f"{domain['share']:.1%}", domain["words"], domain["bytes"]]
        several = len(domain["rules"]) > 1
        rows.append([domain["domain"], *counts, "" if several else domain["rules"][0]["rule"]])
        rows += [["", each["documents"], "", "", "", each["rule"]] for each in domain["rules"] if several]
    columns = ["domain", "documents", "share", "words", "bytes", "taken by"]
    console.print(table_of(f"Domains of {told['documents']:,} documents", columns, rows))
    shown = [
        [domain["domain"], each["url"] or each["record_uri"], each["score"], each["begins"]]
        for domain in told["domains"]
        for each in domain["examples"]
    ]
    if shown:
        console.print(table_of("Examples", ["domain", "document", "score", "begins"], shown))
    if "overlap" in told:
        others = sorted({row["other"] for row in told["overlap"]})
        held = {(row["domain"], row["other"]): row["documents"] for row in told["overlap"]}
        if len(others) > MOST_COLUMNS:
            lines = [[row["domain"], row["other"], row["documents"]] for row in told["overlap"]]
            console.print(table_of(f"Documents by domain and {against}", ["domain", against, "documents"], lines))
        else:
            lines = [
                [each["domain"], *(held.get((each["domain"], other), 0) for other in others)]
                for each in told["domains"]
            ]
            console.print(table_of(f"Documents by domain (down) and {against} (across)", ["", *others], lines))
        console.print(f"The two tell each other by {told['agreement']:.2f} (0 nothing, 1 everything).", highlight=False)
    for line in told["unused"]:
        console.print(f"Careful: {line}.", markup=False, highlight=False)
