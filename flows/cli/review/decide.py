"""``review decide``: a person's decision about a document."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from gristmill.core.errors import UsageError
from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.cli.review.people import ArbiterOption, DocumentArgument, PersonOption, person, warehouse_of
from gristmill.flows.existing_lake import existing

if TYPE_CHECKING:
    from gristmill.schemas.reviews.decision import SpanChoice

SPAN = re.compile(r"(\d{1,9})-(\d{1,9}):([a-z_]+)=([a-z]+)")


def decide(
    document: DocumentArgument,
    decision: Annotated[str, typer.Argument(help="keep, redact, drop or defer.")],
    name: PersonOption = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    span: Annotated[
        list[str] | None,
        typer.Option(
            metavar="START-END:KIND=keep|redact", help="A span that you decide apart, in code points; repeatable."
        ),
    ] = None,
    arbiter: ArbiterOption = False,
    lake: KnownLakeOption = DEFAULT_LAKE,
    json: JsonOption = False,
) -> None:
    """Decide about a document. The next curation of the same text applies it, whatever its source."""
    from gristmill.core.config import did_you_mean
    from gristmill.schemas.reviews.decision import Choice
    from gristmill.warehouse.reviews.deciding import decide as store
    from gristmill.warehouse.reviews.deciding import subject
    from gristmill.warehouse.reviews.store import Reviews

    if decision not in set(Choice):
        raise UsageError(f"there is no decision {decision!r}{did_you_mean(decision, list(Choice))}")
    home = existing(lake)
    about = subject(warehouse_of(home), document)
    stored = store(
        Reviews(home.root),
        about,
        person(name),
        Choice(decision),
        reason=reason,
        spans=[_span(text) for text in span or ()],
        arbiter=arbiter,
    )
    if json:
        print_json(stored.model_dump(mode="json"))
        return
    screen().print(f"{stored.person}: {stored.decision} {stored.doc_id}", markup=False, highlight=False)


def _span(text: str) -> "SpanChoice":
    from gristmill.schemas.reviews.decision import SpanChoice

    found = SPAN.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--span {text}: write START-END:KIND=keep or =redact, such as 12-24:email=keep")
    start, end, kind, decision = found.groups()
    return SpanChoice.parse(
        {"start": int(start), "end": int(end), "kind": kind, "decision": decision}, f"--span {text}"
    )
