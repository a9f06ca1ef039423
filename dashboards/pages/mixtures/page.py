"""Mixtures: side by side, beside proportional and uniform; then one of them with its caps, trace, trials and checks."""

from asyncio import to_thread
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request
from nicegui import ui
from pydantic import BaseModel
from pydantic.dataclasses import dataclass

from gristmill.dashboards.accounts.people import Role
from gristmill.dashboards.accounts.roles import needs
from gristmill.dashboards.components.cards import card, empty, explained, no_such, title
from gristmill.dashboards.components.controls import choice
from gristmill.dashboards.components.frame import is_dark
from gristmill.dashboards.components.unsigned import unsigned_callout, unsigned_in
from gristmill.dashboards.links import page_url
from gristmill.dashboards.page import Page, Text
from gristmill.dashboards.pages.mixtures.shares import Show, detail_card, heads_card, other_caps, side_by_side, trace
from gristmill.dashboards.pages.mixtures.trials import before_card, checks_card, going_card, strands_card, trials_cards
from gristmill.dashboards.services import Services
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.mixing.going import TrialsGoing, trials_going
from gristmill.warehouse.queries.mixing.shares import (
    CapShare,
    DomainShare,
    MixtureCheck,
    MixtureHead,
    StageOrder,
    StageShare,
    TracePoint,
    cap_shares,
    domain_shares,
    mixture_checks,
    mixture_heads,
    stage_orders,
    stage_shares,
    weight_trace,
)
from gristmill.warehouse.queries.mixing.trials import (
    OBJECTIVE,
    DomainTrials,
    Promised,
    TrialPanel,
    TrialsBefore,
    promises,
    stranding,
    trial_metrics,
    trial_panel,
    trials_before,
)
from gristmill.warehouse.queries.training.stale import stale_by

ABOUT = (
    "What share of the tokens each domain gets: as the method asked, under the caps, and in the plan. Below, one of "
    "them: how it was found, and how far to believe it."
)
MixName = Annotated[str, Path(max_length=4096, description="name of the mix")]
MixtureName = Annotated[str, Path(max_length=4096, description="name of the mixture in it")]
COMMANDS = ("gristmill mix --method proportional --method uniform", "gristmill mix --method swarm")


@dataclass(frozen=True)
class MixturesQuery:
    """The parameters of the page's address."""

    mix: Text | None = None
    mixture: Text | None = None
    show: Show = "realised"
    metric: Text = OBJECTIVE

    @property
    def url(self) -> str:
        """The address with these parameters."""
        show = None if self.show == "realised" else self.show
        metric = None if self.metric == OBJECTIVE else self.metric
        return page_url("/mixtures", mix=self.mix, mixture=self.mixture, show=show, metric=metric)


class MixtureAnswer(BaseModel):
    """Everything about a mixture but its trials and its trace."""

    head: MixtureHead
    domains: list[DomainShare]
    stages: list[StageShare]
    orders: list[StageOrder]
    caps: list[CapShare]
    checks: list[MixtureCheck]
    promises: list[Promised]
    stranded: list[DomainTrials]
    before: list[TrialsBefore]


async def draw(services: Services, request: Request, asked: MixturesQuery) -> None:
    """The page at ``/mixtures``."""
    warehouse, dark = services.warehouse, is_dark(request)
    heads = await to_thread(mixture_heads, warehouse)
    title("Mixtures", ABOUT)
    going = await to_thread(trials_going, warehouse)
    if going is not None:
        going_card(going)
    if not heads:
        with card():
            empty("No mixture has been found yet.", *(warehouse.command(command) for command in COMMANDS))
        return
    mixes = list(dict.fromkeys(head.mix for head in heads))
    for name, sources in (await unsigned_in(warehouse)).mixes.items():
        unsigned_callout(f"Mix {name}", sources)
    if asked.mix is not None and asked.mix not in mixes:
        with card():
            explained(no_such("mix", asked.mix, mixes), ("The last mix", "/mixtures"))
        return
    mix = asked.mix or mixes[0]
    heads = [head for head in heads if head.mix == mix]
    names = [head.mixture for head in heads]
    if asked.mixture is not None and asked.mixture not in names:
        with card():
            told = no_such("mixture in this mix called", asked.mixture, names)
            explained(told, ("All its mixtures", replace(asked, mixture=None, metric=OBJECTIVE).url))
        return
    chosen = next((head for head in heads if head.mixture == asked.mixture), _first(heads))
    asked = replace(asked, mix=mix, mixture=chosen.mixture)
    _form(mixes, names, asked)
    if asked.metric != OBJECTIVE:
        known = await to_thread(trial_metrics, warehouse, mix, chosen.mixture)
        if asked.metric not in known:
            with card():
                told = no_such("loss of trials called", asked.metric, [OBJECTIVE, *known])
                explained(told, ("The objective", replace(asked, metric=OBJECTIVE).url))
            return
    answer = await to_thread(_answer, warehouse, chosen)
    everything = await to_thread(domain_shares, warehouse, mix)
    heads_card(heads, chosen, lambda name: replace(asked, mixture=name, metric=OBJECTIVE).url)
    side_by_side(everything, asked.show, dark)
    subject = f"{mix} {chosen.mixture} {chosen.digest}"
    for entry in await to_thread(stale_by, warehouse, "mixture", subject):
        with card(f"{chosen.mixture} is stale", classes="notice"):
            ui.label(f"T{entry.about[1:]}. Run gristmill mix again.").classes("notice-text")
    _warnings(answer)
    detail_card(answer.head, answer.domains, answer.stages, answer.orders)
    other_caps(answer.domains, answer.caps, dark)
    if chosen.traced:
        trace(await to_thread(weight_trace, warehouse, mix, chosen.mixture), dark)
    if chosen.trials:
        panel = await to_thread(trial_panel, warehouse, mix, chosen.mixture, asked.metric)
        trials_cards(panel, answer.promises, answer.checks, lambda name: replace(asked, metric=name).url, dark)
    if answer.checks:
        checks_card(answer.checks)
    if answer.before:
        before_card(answer.before)
    if chosen.trials:
        strands_card(answer.stranded, chosen)


def _first(heads: list[MixtureHead]) -> MixtureHead:
    """The mixture that is shown when none is asked for: the one with the most trials."""
    return max(heads, key=lambda head: head.trials)


def _form(mixes: list[str], names: list[str], asked: MixturesQuery) -> None:
    shown = {"realised": "in the plan", "asked": "asked for", "epochs": "epochs"}
    with ui.element("div").classes("controls short"):
        if len(mixes) > 1:
            choice("Mix", mixes, asked.mix, url=lambda mix: page_url("/mixtures", mix=mix), classes="names")
        choice(
            "Mixture in detail",
            names,
            asked.mixture,
            url=lambda name: replace(asked, mixture=name, metric=OBJECTIVE).url,
            classes="names",
        )
        choice("Side by side", shown, asked.show, url=lambda show: replace(asked, show=show).url)


def _warnings(answer: MixtureAnswer) -> None:
    """What speaks against the mixture, above its weights."""
    found = [check for check in answer.checks if check.warning]
    if found:
        with card(f"Be careful with {answer.head.mixture}", classes="notice"):
            for check in found:
                with ui.element("div").classes("gate-line"):
                    ui.label(check.name.replace("_", " ")).classes("badge tone-warn")
                    ui.label(check.detail).classes("notice-text")


def _answer(warehouse: Warehouse, head: MixtureHead) -> MixtureAnswer:
    mix, mixture = head.mix, head.mixture
    return MixtureAnswer(
        head=head,
        domains=domain_shares(warehouse, mix, mixture),
        stages=stage_shares(warehouse, mix, mixture),
        orders=stage_orders(warehouse, mix, mixture),
        caps=cap_shares(warehouse, mix, mixture),
        checks=mixture_checks(warehouse, mix, mixture),
        promises=promises(warehouse, mix, mixture),
        stranded=stranding(warehouse, mix, mixture),
        before=trials_before(warehouse, mix, mixture),
    )


def routes(api: APIRouter, services: Services) -> None:
    """What the page shows, as JSON."""
    warehouse = services.warehouse

    def head_of(mix: str, mixture: str) -> MixtureHead:
        heads = mixture_heads(warehouse, mix)
        found = next((head for head in heads if head.mixture == mixture), None)
        if found is None:
            told = no_such("mixture", mixture, [head.mixture for head in heads])
            raise HTTPException(404, told if heads else f"there is no mix {mix[:100]!r}; /api/mixtures lists all")
        return found

    @api.get(
        "/mixtures",
        tags=["models"],
        summary="Mixtures of every mix, with how many trials and warnings",
        dependencies=[needs(Role.VIEWER)],
    )
    def mixtures(mix: Annotated[str | None, Query(description="name of the mix")] = None) -> list[MixtureHead]:
        heads = mixture_heads(warehouse, mix)
        if mix is not None and not heads:
            raise HTTPException(404, f"there is no mix {mix[:100]!r}; /api/mixtures lists all")
        return heads

    @api.get(
        "/trials",
        tags=["models"],
        summary="Trials of mixtures that run now; null when none does",
        dependencies=[needs(Role.VIEWER)],
    )
    def going() -> TrialsGoing | None:
        return trials_going(warehouse)

    @api.get(
        "/mixtures/{mix}/{mixture}",
        tags=["models"],
        summary="Shares, caps and checks of a mixture",
        dependencies=[needs(Role.VIEWER)],
    )
    def mixture(mix: MixName, mixture: MixtureName) -> MixtureAnswer:
        return _answer(warehouse, head_of(mix, mixture))

    @api.get(
        "/mixtures/{mix}/{mixture}/trials",
        tags=["models"],
        summary="Trials of a mixture, with predictions",
        dependencies=[needs(Role.VIEWER)],
    )
    def trials(
        mix: MixName,
        mixture: MixtureName,
        metric: Annotated[str, Query(description="domain of the held-out loss, or objective")] = OBJECTIVE,
    ) -> TrialPanel:
        head_of(mix, mixture)
        return trial_panel(warehouse, mix, mixture, metric)

    @api.get(
        "/mixtures/{mix}/{mixture}/trace",
        tags=["models"],
        summary="How a method found the weights",
        dependencies=[needs(Role.VIEWER)],
    )
    def traced(mix: MixName, mixture: MixtureName) -> list[TracePoint]:
        head_of(mix, mixture)
        return weight_trace(warehouse, mix, mixture)


PAGE = Page("/mixtures", "Mixtures", MixturesQuery, draw, routes=routes, role=Role.VIEWER)
