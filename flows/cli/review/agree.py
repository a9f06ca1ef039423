"""``review agree``: how well readers agree, and how often the policy is wrong."""

from gristmill.flows.cli.options import DEFAULT_LAKE, JsonOption, KnownLakeOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.cli.review.people import SourceOption, warehouse_of
from gristmill.flows.existing_lake import existing


def agree(source: SourceOption = None, lake: KnownLakeOption = DEFAULT_LAKE, json: JsonOption = False) -> None:
    """Krippendorff's alpha and span F1 of the readers by kind, and the error rates of the policy from samples."""
    from gristmill.flows.describe import table_of
    from gristmill.warehouse.reviews.figures import review_figures
    from gristmill.warehouse.reviews.store import Reviews

    home = existing(lake)
    found = review_figures(warehouse_of(home), Reviews(home.root), source)
    if json:
        print_json(found.model_dump(mode="json"))
        return
    console = screen()
    rows = [
        [
            row.kind,
            row.documents,
            row.readers,
            ranged(row.alpha, row.alpha_low, row.alpha_high),
            ranged(row.span_alpha, row.span_alpha_low, row.span_alpha_high),
            ranged(row.span_f1, row.span_f1_low, row.span_f1_high),
        ]
        for row in found.agreement
    ]
    columns = ["kind", "read twice", "readers", "alpha (95 %)", "alpha of spans", "F1 of spans"]
    console.print(table_of("Agreement between readers", columns, rows))
    errors = [
        [
            row.source,
            row.stratum,
            row.documents,
            f"{row.read} of {row.drawn}",
            row.wrong,
            ranged(row.rate, row.low, row.high),
        ]
        for row in found.errors
    ]
    if errors:
        columns = ["source", "policy", "documents", "read", "wrong", "error rate (95 %)"]
        console.print(table_of("Errors of the policy, weighted to the corpus", columns, errors))


def ranged(value: float | None, low: float | None, high: float | None) -> str:
    """A number with its interval; a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"
