"""Charts hold the numbers they are given, and nothing in them can become HTML or JavaScript."""

import json
from typing import Any

import pytest

from gristmill.dashboards.charts.curves import SHORT, Axes, Curve, Mark, curve_chart, smoothed
from gristmill.dashboards.charts.funnel import rule_chart, stage_chart
from gristmill.dashboards.charts.mixing import MOST_TRACED, dots_chart, trace_chart, trials_chart
from gristmill.dashboards.charts.options import SHORTENED
from gristmill.dashboards.charts.scores import ERROR_BAR, score_chart
from gristmill.dashboards.charts.training import loss_chart, mixture_chart
from gristmill.dashboards.charts.trajectory import BAND
from gristmill.dashboards.links import documents_url, record_url
from gristmill.warehouse.queries import Funnel, Loss, RuleCount, Score, Share, Stage
from gristmill.warehouse.queries.mixing.shares import TracePoint
from gristmill.warehouse.queries.mixing.trials import MixtureTrial, Promised

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


CURVE = Curve(
    HOSTILE,
    [(0, 9.0), (1_000, 5.0), (2_000, 3.0), (3_000, 4.0)],
    [(9.0, 9.0), (4.0, 6.5), (2.5, 3.5), (3.9, 4.1)],
    [Mark(2_000, 3.0, HOSTILE, "/checkpoints/abc"), Mark(3_000, 4.0, "not admitted yet")],
)


def trial(role: str, predicted: float | None, measured: float) -> MixtureTrial:
    return MixtureTrial(
        trial="t",
        role=role,
        earlier=False,
        seed=0,
        steps=1,
        tokens=1,
        learning_rate=1e-3,
        parameters=1,
        measured=measured,
        predicted=predicted,
        weights=[],
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
    domains=[],
    redactions=[],
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
        dots_chart([HOSTILE], {HOSTILE: [0.5]}, "share", dark),
        trace_chart([TracePoint(domain=HOSTILE, step=1, weight=0.5, excess_loss=0.1)], False, dark),
        trials_chart([trial(HOSTILE, 3.0, 3.1)], None, dark),
        curve_chart([CURVE], Axes("tokens", "nats", "log", "log"), dark, 0.5),
    ]
    for options in charts:
        assert HOSTILE in json.dumps(options)
        assert options["tooltip"]["renderMode"] == "richText"
        assert code_of(options) <= {ERROR_BAR, BAND, SHORT, SHORTENED}


def test_smoothing_is_a_mean_that_its_start_does_not_pull() -> None:
    assert smoothed([5.0, 3.0, 1.0], 0.0) == [5.0, 3.0, 1.0]
    assert smoothed([4.0] * 5, 0.9) == pytest.approx([4.0] * 5)
    assert smoothed([4.0, 2.0], 0.5) == pytest.approx([4.0, (0.25 * 4 + 0.5 * 2) / 0.75])


def test_curves_have_bands_and_checkpoints_and_leave_zero_to_linear_axes() -> None:
    def parts(axes: Axes, smoothing: float = 0.0) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for series in curve_chart([CURVE], axes, False, smoothing)["series"]:
            found.setdefault(series["type"], []).append(series)
        return found

    plain = parts(Axes("tokens", "nats"))
    assert [line["data"] for line in plain["line"]] == [[[0, 9.0], [1_000, 5.0], [2_000, 3.0], [3_000, 4.0]]]
    assert plain["custom"][0]["data"][1] == [1_000, 4.0, 6.5, 2_000, 2.5, 3.5]
    assert [mark.get("lead") for mark in plain["scatter"][0]["data"]] == ["/checkpoints/abc", None]
    logarithmic = parts(Axes("tokens", "nats", "log"), 0.5)
    assert [line["data"][0] for line in logarithmic["line"]] == [[1_000, 5.0], [1_000, 5.0]]
    assert len(logarithmic["line"]) == 2, "values as they were, and smoothed"
    assert not parts(Axes("tokens", "nats"), 0.5)["line"][0]["tooltip"]["show"]


def test_a_logarithmic_axis_of_losses_has_marks_within_a_power_of_ten() -> None:
    axis = curve_chart([CURVE], Axes("tokens", "nats", y_scale="log"), False)["yAxis"]
    assert axis["type"] == "log"
    assert 1.02 <= axis["logBase"] < 2


def test_dots_leave_out_what_is_not_known_and_hollow_the_baselines() -> None:
    options = dots_chart(["a", "b"], {"mine": [0.25, None], "uniform": [0.5, 0.5]}, "share", False)
    dots = {series["name"]: series for series in options["series"] if series["type"] == "scatter"}
    assert dots["mine"]["data"] == [[25.0, 0]]
    assert dots["uniform"]["itemStyle"]["color"] == "transparent"
    assert [series["data"] for series in options["series"] if series["type"] == "bar"] == [[25.0, 50.0], [25.0, 0.0]]


def test_a_trace_of_many_domains_shows_the_largest() -> None:
    points = [
        TracePoint(domain=f"d{place:02d}", step=step, weight=place / 1000 * step, excess_loss=0.0)
        for place in range(40)
        for step in (1, 2)
    ]
    series = trace_chart(points, False, False)["series"]
    assert len(series) == MOST_TRACED
    assert (series[0]["name"], series[0]["data"]) == ("d39", [[1, 0.039], [2, 0.078]])
    assert len({(line["itemStyle"]["color"], line["lineStyle"]["type"]) for line in series}) == MOST_TRACED


def test_trials_that_were_never_fitted_are_outlined() -> None:
    promised = Promised(subject="winner", metric="objective", predicted=3.0, low=2.9, high=3.2)
    trials = [trial("held-out", 3.0, 3.1), trial("design", 3.2, 3.3), trial("rate", None, 4.0)]
    first, second, line = trials_chart(trials, promised, False)["series"]
    assert (first["name"], second["name"]) == ("design", "held-out")
    assert "borderColor" not in first["itemStyle"]
    assert "borderColor" in second["itemStyle"]
    assert line["data"] == [[3.0, 3.0], [3.3, 3.3]]
    assert first["markArea"]["data"] == [[{"xAxis": 2.9}, {"xAxis": 3.2}]]
    assert trials_chart(trials[2:], promised, False)["series"] == []


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
