"""The charts of mixtures: shares of domains side by side, how weights were found, and trials against predictions."""

from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.dashboards.charts.options import Options, axis, base, legend, line_style, palette, rounded, upright
from gristmill.warehouse.queries.mixing.shares import TracePoint
from gristmill.warehouse.queries.mixing.trials import NEVER_FITTED, MixtureTrial, Promised

MOST_TRACED = 12
"""Domains whose trace is drawn; more lines could not be told apart."""
ROW_PIXELS, FRAME_PIXELS = 26, 96
LABEL_PIXELS = 130
BASELINES = ("proportional", "uniform")
ROLES: Mapping[str, tuple[str, int]] = {
    "design": ("circle", 8),
    "anchor": ("rect", 8),
    "deletion": ("triangle", 9),
    "upweight": ("triangle", 9),
    "held-out": ("diamond", 13),
    "adaptive": ("pin", 15),
}
"""Symbol and size of a role of trials; others are circles."""
EXACT = "predicted = measured"


def dots_height(domains: int) -> int:
    """Pixels that :func:`dots_chart` needs."""
    return FRAME_PIXELS + ROW_PIXELS * max(2, domains)


def dots_chart(
    domains: Sequence[str], lines: Mapping[str, Sequence[float | None]], name: str, dark: bool, *, percent: bool = True
) -> Options:
    """A row for each domain with a dot for each mixture or cap; a thin bar joins the least and the largest.

    Baselines are hollow and grey. ``lines`` has a value for each domain, None where there is none.
    """
    colours = palette(dark)
    factor = 100.0 if percent else 1.0
    known = [[value for value in values if value is not None] for values in zip(*lines.values(), strict=True)]
    least = [factor * min(values, default=0.0) for values in known]
    reach = [factor * max(values, default=0.0) - low for values, low in zip(known, least, strict=True)]
    quiet: Options = {"type": "bar", "stack": "reach", "barWidth": 2, "silent": True, "tooltip": {"show": False}}
    series: list[Options] = [
        {**quiet, "name": "", "itemStyle": {"color": "transparent"}, "data": [rounded(value) for value in least]},
        {**quiet, "name": "", "itemStyle": {"color": colours.line}, "data": [rounded(value) for value in reach]},
    ]
    coloured = 0
    for label, values in lines.items():
        style: Options = {"color": colours.series[coloured % len(colours.series)], "opacity": 0.9}
        symbol = ("circle", "rect", "triangle")[(coloured // len(colours.series)) % 3]
        if label in BASELINES:
            style = {"color": "transparent", "borderColor": colours.muted, "borderWidth": 1.5}
            symbol = "circle" if label == BASELINES[0] else "diamond"
        else:
            coloured += 1
        data = [[rounded(factor * value), place] for place, value in enumerate(values) if value is not None]
        series.append(
            {"type": "scatter", "name": label, "symbol": symbol, "symbolSize": 10, "itemStyle": style, "data": data}
            | {"z": 2 if label in BASELINES else 3}
        )
    return {
        **base(colours),
        "grid": {"left": 8, "right": 24, "top": 36, "bottom": 22, "containLabel": True},
        "legend": {**legend(colours, square=True), "data": list(lines)},
        "tooltip": {"trigger": "item", "renderMode": "richText", "formatter": "{a}: {c}"},
        "xAxis": {**axis(colours, name=name, type="value"), "min": 0},
        "yAxis": {
            **axis(colours, type="category"),
            "data": list(domains),
            "inverse": True,
            "axisLabel": {"color": colours.text, "width": LABEL_PIXELS, "overflow": "truncate", "interval": 0},
        },
        "series": series,
    }


def traced(points: Sequence[TracePoint]) -> list[str]:
    """The domains whose trace is drawn: those with the largest weights at its end."""
    last = {point.domain: point.weight for point in points}
    return sorted(last, key=lambda domain: (-last[domain], domain))[:MOST_TRACED]


def trace_chart(points: Sequence[TracePoint], excess: bool, dark: bool) -> Options:
    """Weights of domains, or their excess loss, against the step of the proxy."""
    colours = palette(dark)
    shown = traced(points)
    series = [
        {
            "type": "line",
            "name": domain,
            "showSymbol": False,
            **line_style(colours, place),
            "data": [
                [point.step, rounded(point.excess_loss if excess else point.weight)]
                for point in points
                if point.domain == domain
            ],
        }
        for place, domain in enumerate(shown)
    ]
    name = "nats per token over the reference" if excess else "share"
    return {
        **base(colours),
        "grid": {"left": 12, "right": 24, "top": 54, "bottom": 22, "containLabel": True},
        "legend": legend(colours),
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "xAxis": {**axis(colours, name="step of the proxy", type="value"), "min": 0},
        "yAxis": {**upright(colours, name), "scale": excess},
        "series": series,
    }


def trials_chart(trials: Sequence[MixtureTrial], promised: Promised | None, dark: bool) -> Options:
    """Measured losses against predicted ones, a symbol for each trial; on the dashed line a prediction is right.

    Trials that were never fitted are outlined. ``promised`` marks what the mixture itself is said to reach, with its
    90 % interval.
    """
    colours = palette(dark)
    groups: dict[str, list[MixtureTrial]] = {}
    for trial in trials:
        if trial.predicted is not None and trial.measured is not None:
            groups.setdefault(trial.role, []).append(trial)
    series: list[Options] = []
    for place, (role, members) in enumerate(sorted(groups.items(), key=lambda group: group[0] in NEVER_FITTED)):
        symbol, size = ROLES.get(role, ("circle", 8))
        colour = colours.series[place % len(colours.series)]
        style: Options = {"color": colour, "opacity": 0.75}
        if role in NEVER_FITTED:
            style = {"color": colour, "borderColor": colours.text, "borderWidth": 1.5}
        data: list[Any] = [[_near(trial.predicted), _near(trial.measured)] for trial in members]
        series.append(
            {"type": "scatter", "name": role, "symbol": symbol, "symbolSize": size, "itemStyle": style, "data": data}
            | {"z": 3 if role in NEVER_FITTED else 2}
        )
    known = [
        value
        for members in groups.values()
        for one in members
        for value in (one.predicted, one.measured)
        if value is not None
    ]
    if known and series:
        ends = sorted({_near(min(known)), _near(max(known))})
        series.append(
            {
                "type": "line",
                "name": EXACT,
                "silent": True,
                "showSymbol": False,
                "lineStyle": {"type": "dashed", "width": 1, "color": colours.muted},
                "itemStyle": {"color": colours.muted},
                "tooltip": {"show": False},
                "data": [[end, end] for end in ends],
                "z": 1,
            }
        )
    if promised is not None and series:
        series[0]["markArea"] = {
            "silent": True,
            "itemStyle": {"color": colours.accent, "opacity": 0.1},
            "label": {"color": colours.muted, "position": "insideTop", "formatter": "promised"},
            "data": [[{"xAxis": _near(promised.low)}, {"xAxis": _near(promised.high)}]],
        }
    return {
        **base(colours),
        "grid": {"left": 12, "right": 24, "top": 54, "bottom": 22, "containLabel": True},
        "legend": legend(colours, square=True),
        "tooltip": {"trigger": "item", "renderMode": "richText", "formatter": "{a}: predicted and measured {c}"},
        "xAxis": {**axis(colours, name="predicted, nats per token", type="value"), "scale": True},
        "yAxis": {**upright(colours, "measured, nats per token"), "scale": True},
        "series": series,
    }


def _near(value: float | None) -> float:
    """Five decimals: differences between mixtures are small."""
    return round(value or 0.0, 5)
