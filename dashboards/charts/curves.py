"""The curves of training runs: loss, held-out loss, learning rate and speed. The data never enter the JavaScript."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from gristmill.dashboards.charts.options import Options, axis, base, legend, line_style, palette, upright
from gristmill.dashboards.charts.trajectory import BAND

Scale = Literal["linear", "log"]
SHORT = "value => Number(value.toPrecision(3)).toLocaleString('en-US')"
TICKS = 5
"""About so many marks on a logarithmic axis of losses, which rarely spans a power of ten."""


@dataclass(frozen=True)
class Mark:
    """A checkpoint on a curve: where, its name, and the address of its page; none while its run goes on."""

    x: float
    y: float
    name: str
    lead: str = ""


@dataclass(frozen=True)
class Curve:
    """A line of one run: (x, y) in order of x, with the least and the largest y of the range before each point."""

    name: str
    points: Sequence[tuple[float, float]]
    reach: Sequence[tuple[float, float]] = ()
    marks: Sequence[Mark] = field(default_factory=tuple)
    dots: bool = False
    """Whether each point has a symbol, as where there are few."""


@dataclass(frozen=True)
class Axes:
    """What curves are drawn against, and how."""

    x: str
    y: str
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"
    from_zero: bool = False
    """Whether the vertical axis begins at zero, as for rates."""
    x_end: float | None = None
    """Where the horizontal axis ends, so that charts below each other agree."""


def smoothed(values: Sequence[float], weight: float) -> list[float]:
    """Exponential moving average without the pull of its start: 0 leaves values as they are, 0.99 is almost flat.

    As TensorBoard's: ``m_t = w m_(t-1) + (1 - w) y_t``, divided by ``1 - w^t``.
    """
    found, mean, left = [], 0.0, 1.0
    for value in values:
        mean = weight * mean + (1 - weight) * value
        left *= weight
        found.append(mean / (1 - left))
    return found


def curve_chart(curves: Sequence[Curve], axes: Axes, dark: bool, smoothing: float = 0.0) -> Options:
    """Curves over each other: smoothed, with the values themselves pale behind them and a band of their extremes."""
    colours = palette(dark)
    series: list[Options] = []
    shown: list[float] = []
    for place, curve in enumerate(curves):
        style = line_style(colours, place)
        kept = [point for point in curve.points if _fits(point, axes)]
        ys = smoothed([y for _, y in kept], smoothing)
        shown += [*ys, *([y for _, y in kept] if smoothing else [])]
        line = [[x, _short(y)] for (x, _), y in zip(kept, ys, strict=True)]
        band: Options | None = None
        if curve.reach and len(curve.reach) == len(curve.points):
            reach = [(x, *ends) for (x, y), ends in zip(curve.points, curve.reach, strict=True) if _fits((x, y), axes)]
            if any(high > low for _, low, high in reach):
                shown += [end for _, *ends in reach for end in ends]
                band = _band(curve.name, reach, style)
        if smoothing:
            pale = {"lineStyle": {**style["lineStyle"], "width": 1, "opacity": 0.35}, "tooltip": {"show": False}}
            data = [[x, _short(y)] for x, y in kept]
            series.append({**style, **pale, "type": "line", "name": curve.name, "showSymbol": False, "data": data})
        dots = curve.dots or len(line) == 1
        series.append(
            {**style, "type": "line", "name": curve.name, "showSymbol": dots, "symbolSize": 6, "data": line, "z": 3}
        )
        if band is not None:  # after the line, whose symbol the legend shows
            series.append(band)
        marks = [mark for mark in curve.marks if _fits((mark.x, mark.y), axes)]
        if marks:
            series.append(_marks(curve.name, marks, style, colours.text))
    upper = {**upright(colours, axes.y), "scale": not axes.from_zero}
    if axes.y_scale == "log" and shown:
        upper |= _log_axis(min(shown), max(shown), colours.muted)
    along: Options = axis(colours, name=axes.x, type="value" if axes.x_scale == "linear" else "log")
    return {
        **base(colours),
        "grid": {"left": 12, "right": 24, "top": 54, "bottom": 22, "containLabel": True},
        "legend": {**legend(colours), "data": [curve.name for curve in curves]},
        "tooltip": {"trigger": "axis", "renderMode": "richText", "order": "valueAsc"},
        "xAxis": along
        | ({"min": 0} if axes.x_scale == "linear" else {"min": "dataMin"})
        | ({"max": axes.x_end} if axes.x_end else {}),
        "yAxis": upper,
        "series": series,
    }


def _fits(point: tuple[float, float], axes: Axes) -> bool:
    """A logarithmic axis has no place for zero."""
    return (axes.x_scale == "linear" or point[0] > 0) and (axes.y_scale == "linear" or point[1] > 0)


def _log_axis(low: float, high: float, colour: str) -> Options:
    """A logarithmic axis for values within a few powers of two, with marks near its ends."""
    low = max(low, high * 1e-6)
    base_of = max(1.02, (high / low) ** (1 / TICKS)) if high > low else 2.0
    return {"type": "log", "logBase": base_of, "axisLabel": {"color": colour, ":formatter": SHORT}}


def _band(name: str, reach: Sequence[tuple[float, float, float]], style: Mapping[str, Any]) -> Options:
    return {
        "itemStyle": style["itemStyle"],
        "type": "custom",
        "name": name,
        ":renderItem": BAND,
        "data": [[x, _short(y), _short(z), u, _short(v), _short(w)] for (x, y, z), (u, v, w) in pairwise(reach)],
        "encode": {"x": [0, 3], "y": [1, 2, 4, 5]},
        "silent": True,
        "tooltip": {"show": False},
        "z": 1,
    }


def _marks(name: str, marks: Sequence[Mark], style: Mapping[str, Any], outline: str) -> Options:
    data = [
        {"name": mark.name, "value": [mark.x, _short(mark.y)]} | ({"lead": mark.lead} if mark.lead else {})
        for mark in marks
    ]
    return {
        "itemStyle": {**style["itemStyle"], "borderColor": outline, "borderWidth": 1},
        "type": "scatter",
        "name": name,
        "symbol": "diamond",
        "symbolSize": 13,
        "tooltip": {"trigger": "item", "formatter": "{b}"},
        "data": data,
        "z": 4,
    }


def _short(value: float) -> float:
    """Five digits: learning rates are small, rates of tokens large."""
    return float(f"{value:.5g}")
