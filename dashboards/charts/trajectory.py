"""The chart of scores along training, as ECharts options. The data never enter :data:`BAND`, its only JavaScript."""

from itertools import pairwise
from typing import Literal

from gristmill.dashboards.charts.options import Options, axis, base, chance_line, legend, palette, rounded, upright
from gristmill.dashboards.wording import distinct
from gristmill.warehouse.queries.trajectory import Line

BAND = """
(params, api) => {
  const at = (x, y) => api.coord([api.value(x), api.value(y)]);
  const points = [at(0, 1), at(3, 4), at(3, 5), at(0, 2)];
  return {type: 'polygon', shape: {points}, style: {fill: api.visual('color'), opacity: 0.16}};
}
"""
Along = Literal["step", "tokens"]


def trajectory_chart(lines: list[Line], along: Along, dark: bool) -> Options:
    """One metric along training: points, the smoothed line, and a band of the run's noise around it."""
    colours = palette(dark)
    names = distinct([(line.mixture, line.run) for line in lines])
    series: list[Options] = []
    for place, line in enumerate(sorted(lines, key=lambda line: names[line.mixture, line.run])):
        name, colour = names[line.mixture, line.run], colours.series[place % len(colours.series)]
        at = [getattr(point, along) for point in line.points]
        smooth = [[x, rounded(point.smoothed)] for x, point in zip(at, line.points, strict=True)]
        points = [[x, rounded(point.value)] for x, point in zip(at, line.points, strict=True)]
        style = {"itemStyle": {"color": colour}, "name": name}
        series.append(
            {
                **style,
                "type": "line",
                "data": smooth,
                "showSymbol": False,
                "symbol": "circle",
                "lineStyle": {"width": 2.5},
            }
        )
        series.append({**style, "type": "scatter", "data": points, "symbolSize": 6, "tooltip": {"show": False}})
        if line.noise is not None:
            ends = [[x, rounded(y - line.noise), rounded(y + line.noise)] for x, y in smooth]
            series.append(
                {
                    **style,
                    "type": "custom",
                    ":renderItem": BAND,
                    "data": [[*left, *right] for left, right in pairwise(ends)],
                    "encode": {"x": [0, 3], "y": [1, 2, 4, 5]},
                    "silent": True,
                    "tooltip": {"show": False},
                    "z": 1,
                }
            )
    chance = next((line.chance for line in lines if line.chance is not None), None)
    if chance is not None:
        series[0]["markLine"] = chance_line(chance, colours)
    return {
        **base(colours),
        "grid": {"left": 12, "right": 24, "top": 54, "bottom": 22, "containLabel": True},
        "legend": {**legend(colours), "data": sorted(names.values())},
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "xAxis": {**axis(colours, name="training step" if along == "step" else "tokens seen", type="value"), "min": 0},
        "yAxis": {**upright(colours, lines[0].metric.replace("_", " ")), "scale": True},
        "series": series,
    }
