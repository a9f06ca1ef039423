"""Charts hold the numbers they are given, and nothing in them can become HTML or JavaScript."""

import json
from typing import Any

import pytest

from gristmill.dashboards.charts.funnel import rule_chart, stage_chart
from gristmill.dashboards.charts.scores import ERROR_BAR, score_chart
from gristmill.dashboards.charts.training import loss_chart, mixture_chart
from gristmill.dashboards.links import documents_url, record_url
from gristmill.warehouse.queries import Funnel, Loss, RuleCount, Score, Share, Stage

HOSTILE = "<img src=x onerror=alert(1)>"


def score(mixture: str, step: int, value: float, chance: float | None = None, run: str = "r") -> Score:
    return Score(
        run=run,
        mixture=mixture,
        label=f"{mixture} {step}",
        step=step,
        tokens=step,
        checkpoint="c",
        suite="s",
        area="code",
        metric="m",
        convention="m",
        headline=True,
        subset="all",
        value=value,
        low=value - 0.1,
        high=value + 0.1,
        n=40,
        chance=chance,
        above_chance=None,
        higher_is_better=True,
        method="wilson",
        failures=0,
        jail_tier="",
    )


FUNNEL = Funnel(
    sources=["a", "b"],
    stages=[
        Stage(source=source, position=3, stage="decide", records_in=10, kept=6, rejected=4, damage=0, not_read=0)
        for source in "ab"
    ],
    rules=[
        RuleCount(
            source=source,
            position=3,
            stage="decide",
            rank=rank,
            rule=rule,
            signal=None,
            threshold=None,
            rejected_first=first,
            rejected_any=9,
        )
        for source in "ab"
        for rank, rule, first in ((1, "few", 1), (2, HOSTILE, 3), (3, "none", 0))
    ],
)


def test_the_funnel_adds_up_sources() -> None:
    options = stage_chart(FUNNEL, dark=False)
    assert options["yAxis"]["data"] == ["decide"]
    assert {series["name"]: series["data"] for series in options["series"]} == {"kept": [12], "rejected": [8]}


def test_a_part_too_narrow_for_its_number_does_not_write_it() -> None:
    stages = [FUNNEL.stages[0].model_copy(update={"kept": kept, "rejected": 1000 - kept}) for kept in (1000, 980)]
    named = [stages[0].model_copy(update={"stage": "ingest"}), stages[1]]
    options = stage_chart(FUNNEL.model_copy(update={"stages": named}), dark=False)
    data = {series["name"]: series["data"] for series in options["series"]}
    assert data == {"kept": [1000, 980], "rejected": [None, {"value": 20, "label": {"show": False}}]}


def test_parts_of_bars_lead_somewhere() -> None:
    options = stage_chart(FUNNEL, False, lambda stage, fate: f"/{stage}/{fate}")
    kept, rejected = options["series"]
    assert kept["data"] == [{"value": 12, "lead": "/decide/kept"}]
    assert rejected["data"] == [{"value": 8, "lead": "/decide/rejected"}]
    (bar,) = rule_chart(FUNNEL, False, lambda rule, stage: f"/{stage}/{rule}")["series"]
    assert [part["lead"] for part in bar["data"]] == [f"/decide/{HOSTILE}", "/decide/few"]


def test_vertical_axes_have_names() -> None:
    assert score_chart([score("m", 1, 0.5)], False)["yAxis"]["name"] == "m"
    assert (
        loss_chart([Loss(run="r", mixture="m", step=1, tokens=1, loss=1)], False)["yAxis"]["name"] == "nats per token"
    )


def test_rules_are_ordered_by_what_they_remove() -> None:
    options = rule_chart(FUNNEL, dark=True)
    assert options["yAxis"]["data"] == [HOSTILE, "few"]
    assert options["series"][0]["data"] == [6, 2]


def test_scores_become_a_line_and_its_error_bars() -> None:
    options = score_chart([score("b", 200, 0.5, 0.25), score("a", 100, 0.3), score("b", 100, 0.4)], dark=False)
    lines = [series for series in options["series"] if series["type"] == "line"]
    bars = [series for series in options["series"] if series["type"] == "custom"]
    assert [series["name"] for series in lines] == ["a", "b"]
    assert lines[1]["data"] == [[100, 0.4], [200, 0.5]]
    assert [point[:3] for point in bars[1]["data"]] == [[100, 0.3, 0.5], [200, 0.4, 0.6]]
    assert lines[0]["markLine"]["data"] == [{"yAxis": 0.25}]


def test_losses_and_mixtures() -> None:
    losses = [Loss(run=run, mixture="m", step=1, tokens=8, loss=2.5) for run in ("first-run", "second-run")]
    options = loss_chart(losses, dark=False)
    assert [series["name"] for series in options["series"]] == ["m first-ru", "m second-r"]
    shares = [
        Share(
            mixture="m",
            digest="d",
            method="static",
            stage=0,
            domain=domain,
            weight_raw=0.5,
            weight=0.5,
            realised=0.5,
            epochs=1,
        )
        for domain in ("code", "prose")
    ]
    options = mixture_chart(shares, dark=False)
    assert [series["data"] for series in options["series"]] == [[0.5], [0.5]]


def test_two_runs_of_one_mixture_are_two_lines() -> None:
    scores = [score("m", 100, 0.3, run="first-run"), score("m", 100, 0.4, run="second-run"), score("other", 100, 0.5)]
    options = score_chart(scores, dark=False)
    assert [series["name"] for series in options["series"] if series["type"] == "line"] == [
        "m first-ru",
        "m second-r",
        "other",
    ]


@pytest.mark.parametrize("dark", [False, True])
def test_names_from_data_stay_data(dark: bool) -> None:
    charts: list[dict[str, Any]] = [
        rule_chart(FUNNEL, dark),
        score_chart([score(HOSTILE, 1, 0.5)], dark),
        loss_chart([Loss(run="r", mixture=HOSTILE, step=1, tokens=1, loss=1)], dark),
    ]
    for options in charts:
        assert HOSTILE in json.dumps(options)
        assert options["tooltip"]["renderMode"] == "richText"
        assert code_of(options) <= {ERROR_BAR}


def code_of(options: Any) -> set[str]:
    """Every value that the browser would run: NiceGUI evaluates keys that start with a colon."""
    if isinstance(options, dict):
        here = {str(value) for key, value in options.items() if key.startswith(":")}
        return here.union(*(code_of(value) for value in options.values()))
    if isinstance(options, list):
        return set().union(*(code_of(value) for value in options))
    return set()


def test_links_lead_to_our_own_pages_only() -> None:
    assert record_url(None, "javascript:alert(1)") == "/why?question=javascript%3Aalert%281%29"
    assert record_url("//evil.example/", "") == "/documents/%2F%2Fevil.example%2F"
    assert documents_url(query="a&b=c", offset=0) == "/documents?query=a%26b%3Dc"
