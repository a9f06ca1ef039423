"""The shares of domains: of all mixtures of a mix side by side, and of one in detail."""

from collections.abc import Callable
from typing import Any, Literal

from nicegui import ui

from gristmill.dashboards.charts.mixing import MOST_TRACED, dots_chart, dots_height, trace_chart
from gristmill.dashboards.components.cards import card
from gristmill.dashboards.components.chart import chart
from gristmill.dashboards.components.tables import Column, table
from gristmill.dashboards.links import page_url
from gristmill.dashboards.wording import count
from gristmill.warehouse.queries.mixing.shares import (
    CapShare,
    DomainShare,
    MixtureHead,
    StageOrder,
    StageShare,
    TracePoint,
)

Show = Literal["realised", "asked", "epochs"]
NAMES: dict[Show, tuple[str, str]] = {
    "realised": ("Shares in the plan", "share of the tokens of the run, %"),
    "asked": ("Shares asked for, without caps", "share of the tokens of the run, %"),
    "epochs": ("Epochs", "times a domain is seen"),
}
MOST_SHOWN = 60
"""Domains of a chart; the table has all."""


def heads_card(heads: list[MixtureHead], chosen: MixtureHead, url: Callable[[str], str]) -> None:
    """The mixtures of the mix, a row each."""
    columns = [
        Column("mixture", "Mixture", "link"),
        Column("shown", "", "badge"),
        Column("method", "Method"),
        Column("trials", "Trials", "number"),
        Column("parameters", "Parameters of the proxies", "number"),
        Column("warnings", "Warnings", "badge"),
        Column("target_tokens", "Tokens of the run", "number"),
        Column("domains", "Domains", "number"),
        Column("runs", "Trained", "number"),
        Column("digest", "Digest", "mono"),
    ]
    rows: list[dict[str, Any]] = [
        {
            **head.model_dump(),
            "trials": head.trials or None,
            "shown": "below" if head is chosen else None,
            "shown_tone": "busy",
            "warnings": str(head.warnings) if head.warnings else None,
            "warnings_tone": "warn",
            "digest": head.digest[:12],
            "mixture_href": url(head.mixture),
            "runs_href": page_url("/training", mix=head.mix) if head.runs else None,
        }
        for head in heads
    ]
    with card(f"Mixtures of the mix {heads[0].mix}"):
        table(columns, rows, page=15)


def side_by_side(shares: list[DomainShare], show: Show, dark: bool) -> None:
    """Every mixture beside proportional and uniform, a row for each domain."""
    sizes = {one.domain: one.tokens or 0 for one in shares}
    domains = sorted(sizes, key=lambda domain: (-sizes[domain], domain))
    lines: dict[str, dict[str, float | None]] = {}
    for one in shares:
        lines.setdefault(one.mixture, {})[one.domain] = getattr(one, show)
    for one in shares:
        for name in ("proportional", "uniform"):
            value = _baseline(one, name, show)
            if value is not None:
                # under the caps all mixtures of a mix have the same baselines
                lines.setdefault(name, {}).setdefault(one.domain, value)
    heading, unit = NAMES[show]
    shown = domains[:MOST_SHOWN]
    told = f" The {MOST_SHOWN} largest of {count(len(domains))} domains." if len(domains) > MOST_SHOWN else ""
    about = f"Domains by their tokens, most first. Hollow marks are the baselines, under the same caps.{told}"
    with card(f"{heading}, side by side", about):
        ordered = {name: [values.get(domain) for domain in shown] for name, values in lines.items()}
        options = dots_chart(shown, ordered, unit, dark, percent=show != "epochs")
        chart(options, f"{heading} of each domain in each mixture", height=dots_height(len(shown)))


def _baseline(one: DomainShare, name: str, show: Show) -> float | None:
    share: float | None = getattr(one, f"{name}_raw" if show == "asked" else name)
    if share is None or show != "epochs":
        return share
    return share * one.target_tokens / one.tokens if one.tokens else None


def detail_card(
    head: MixtureHead, domains: list[DomainShare], stages: list[StageShare], orders: list[StageOrder]
) -> None:
    """One mixture, a row for each domain."""
    bars = any(one.low is not None for one in domains)
    columns = [
        Column("domain", "Domain"),
        Column("tokens", "Its tokens", "number"),
        Column("asked", "Asked", "share"),
        Column("capped", "Capped", "percent"),
        *([Column("ends", "90 % interval")] if bars else []),
        Column("realised", "In the plan", "share"),
        Column("epochs", "Epochs"),
        Column("cap", "Cap"),
        Column("proportional", "Proportional", "percent"),
        Column("uniform", "Uniform", "percent"),
        *([Column("reason", "Why that cap", "wrap")] if any(_own(one) for one in domains) else []),
    ]
    most = max((max(one.asked, one.realised) for one in domains), default=0.0) or 1.0
    rows = [
        {
            **one.model_dump(),
            "asked_part": one.asked / most,
            "realised_part": one.realised / most,
            "ends": None if one.low is None or one.high is None else f"{100 * one.low:.1f} – {100 * one.high:.1f} %",
            "epochs": _epochs(one.epochs),
            "cap": f"{one.cap:g}",
            "reason": one.reason if _own(one) else None,
        }
        for one in domains
    ]
    about = (
        f"Found by {head.method} for {count(head.target_tokens)} tokens. Asked is what the method wants without caps; "
        "what a capped domain loses goes to the others. Baselines are under the same caps."
    )
    with card(f"{head.mixture} in detail", about):
        table(columns, rows, page=20).classes("board")
        for order in orders:
            ui.label(_order(order)).classes("card-about stage-order")
        if stages:
            _stages(stages)


def _epochs(value: float) -> str:
    return f"{value:.2f}" if value >= 0.01 or not value else "< 0.01"


def _own(one: DomainShare) -> bool:
    """Whether the domain has a cap of its own."""
    return one.reason not in ("", "default")


def _order(order: StageOrder) -> str:
    """A stage in words."""
    span = f"Stage {order.stage + 1}, tokens {count(order.first_token)} to {count(order.until_token)}: "
    if order.signal is None:
        return f"{span}shuffled."
    ends = "largest first" if order.descending else "least first"
    lacking = f"; {100 * order.without_value:.1f} % have no value and come last" if order.without_value else ""
    return f"{span}sorted by {order.signal}, {ends}{lacking}."


def _stages(stages: list[StageShare]) -> None:
    ends = sorted({(one.stage, one.until_token) for one in stages})
    columns = [Column("domain", "Domain")]
    columns += [Column(f"at{stage}", f"Stage {stage + 1}, to token {until:,}", "share") for stage, until in ends]
    most = max(one.realised for one in stages) or 1.0
    rows: dict[str, dict[str, Any]] = {}
    for one in stages:
        cell = {f"at{one.stage}": one.realised, f"at{one.stage}_part": one.realised / most}
        rows.setdefault(one.domain, {"domain": one.domain}).update(cell)
    ui.label("In the plan, by stage").classes("card-about")
    table(columns, list(rows.values()), page=15)


def other_caps(domains: list[DomainShare], caps: list[CapShare], dark: bool) -> None:
    """The mixture under other caps for all domains."""
    if not caps:
        return
    known = sorted({one.cap for one in caps})
    found = {(one.domain, one.cap): one for one in caps}
    most = max(one.weight for one in caps) or 1.0
    columns = [Column("domain", "Domain"), *(Column(f"at{cap:g}", f"At most {cap:g} epochs", "share") for cap in known)]
    rows = []
    for domain in domains:
        row: dict[str, Any] = {"domain": domain.domain}
        for cap in known:
            one = found.get((domain.domain, cap))
            if one is not None:
                text = f"{100 * one.weight:.1f} %, seen {_epochs(one.epochs)}×"
                row |= {f"at{cap:g}": one.weight, f"at{cap:g}_text": text, f"at{cap:g}_part": one.weight / most}
        rows.append(row)
    moved = any(abs(one.weight - found.get((one.domain, known[0]), one).weight) > 1e-4 for one in caps)
    about = "The same mixture with one cap for every domain: shown, not trained. 4 epochs is a convention, not a law."
    with card("At other caps", about if moved else f"{about} No domain reaches them here, so they change nothing."):
        if moved:
            shown = [one.domain for one in domains][:MOST_SHOWN]
            lines = {
                f"{cap:g} epochs": [one.weight if (one := found.get((name, cap))) else None for name in shown]
                for cap in known
            }
            options = dots_chart(shown, lines, "share of the tokens of the run, %", dark)
            chart(options, "Share of each domain at each cap", height=dots_height(len(shown)))
        table(columns, rows, page=15)


def trace(points: list[TracePoint], dark: bool) -> None:
    """How the method found its weights."""
    domains = len({point.domain for point in points})
    told = f" The {MOST_TRACED} largest of {count(domains)} domains." if domains > MOST_TRACED else ""
    with ui.element("div").classes("columns even level"):
        with card("Weight trace", f"The weight of each domain while the proxy trained; the answer is the mean.{told}"):
            chart(trace_chart(points, False, dark), "Weight of each domain against the step of the proxy")
        with card("Excess loss", "Where the proxy is worse than the reference, its weight grows. Clipped at 0."):
            chart(trace_chart(points, True, dark), "Excess loss of each domain against the step of the proxy")
