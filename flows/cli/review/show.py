"""``review show``: a document, its findings and what was decided."""

from gristmill.core.printable import printable
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.cli.review.people import ArbiterOption, DocumentArgument, PersonOption, person, warehouse_of
from gristmill.flows.existing_lake import existing

AROUND = 60
SHOWN_TEXT = 4000


def show(
    document: DocumentArgument,
    name: PersonOption = None,
    arbiter: ArbiterOption = False,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Show a document with its findings. What others decided is shown once you have decided, or to an arbiter."""
    from gristmill.flows.describe import table_of
    from gristmill.warehouse.reviews.case import case
    from gristmill.warehouse.reviews.store import Reviews

    home = existing(lake)
    found = case(warehouse_of(home), Reviews(home.root), document, person(name), "arbiter" if arbiter else "reader")
    if json:
        print_json(found.model_dump(mode="json"))
        return
    console = screen()

    def say(line: str) -> None:
        console.print(printable(line), markup=False, highlight=False, soft_wrap=True)

    say(f"{found.doc_id}  {found.source}  {found.url or ''}")
    say(found.summary)
    rows = []
    for finding in found.findings:
        before = found.text[max(0, finding.start - AROUND) : finding.start]
        after = found.text[finding.end : finding.end + AROUND]
        shown = printable(f"{before}⟦{found.text[finding.start : finding.end]}⟧{after}", keep="")
        place = f"{finding.start}-{finding.end}"
        rows.append([place, finding.kind, f"{finding.score:.2f}", finding.detector, finding.suggestion, shown])
    if rows:
        console.print(table_of("Findings", ["place", "kind", "score", "detector", "suggestion", "context"], rows))
    for decision in found.decisions:
        role = "arbiter" if decision.arbiter else "reader"
        say(f"{decision.at:%Y-%m-%d %H:%M} {decision.person} ({role}): {decision.decision} {decision.reason}")
        for span in decision.spans:
            say(f"    {span.start}-{span.end} {span.kind}: {span.decision}")
    if found.hidden:
        say(f"{found.hidden} decisions of others are hidden until you have decided.")
    say(found.text[:SHOWN_TEXT])
    if len(found.text) > SHOWN_TEXT:
        say(f"({len(found.text) - SHOWN_TEXT:,} more characters; --json has all)")
