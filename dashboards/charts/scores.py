"""The chart of scores against the training step. The data never enter :data:`ERROR_BAR`, its only JavaScript."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from gristmill.dashboards.charts.options import Options, axis, base, chance_line, legend, palette, rounded, upright
from gristmill.dashboards.wording import distinct
from gristmill.warehouse.queries import Score

ERROR_BAR = """
(params, api) => {
  const x = api.value(0), width = 5, shift = api.value(3);
  const low = api.coord([x, api.value(1)]), high = api.coord([x, api.value(2)]);
  const style = {stroke: api.visual('color'), lineWidth: 1.5};
  const line = (x1, y1, x2, y2) => ({type: 'line', shape: {x1, y1, x2, y2}, style});
  const at = low[0] + shift;
  return {type: 'group', children: [
    line(at, low[1], at, high[1]),
    line(at - width, low[1], at + width, low[1]),
    line(at - width, high[1], at + width, high[1]),
  ]};
}
"""


def score_chart(scores: list[Score], dark: bool, lead: Callable[[Score], str] | None = None) -> Options:
    """One metric against the training step, a line for each mixture, an error bar for each checkpoint.

    ``lead`` gives the address that the point of a score links to.
    """
    colours = palette(dark)
    lines: dict[tuple[str, str], list[Score]] = defaultdict(list)
    for score in scores:
        lines[(score.mixture, score.run) if score.mixture else (score.label, score.checkpoint)].append(score)
    names = distinct(list(lines))
    groups = {names[key]: members for key, members in lines.items()}
    series: list[Options] = []
    for place, (name, members) in enumerate(sorted(groups.items())):
        colour = colours.series[place % len(colours.series)]
        members = sorted(members, key=lambda score: score.step)
        shift = 4 * (place - (len(groups) - 1) / 2)  # pixels, so that bars at one step do not cover each other
        series.append(
            {
                "type": "line",
                "name": name,
                "data": [_point(score, lead) for score in members],
                "symbol": "circle",
                "symbolSize": 7,
                "symbolOffset": [shift, 0],
                "lineStyle": {"width": 2},
                "itemStyle": {"color": colour},
            }
        )
        series.append(
            {
                "type": "custom",
                "name": name,
                ":renderItem": ERROR_BAR,
                "data": [[score.step, rounded(score.low), rounded(score.high), shift] for score in members],
                "encode": {"x": 0, "y": [1, 2]},
                "itemStyle": {"color": colour},
                "silent": True,
                "tooltip": {"show": False},
                "z": 1,
            }
        )
    chance = next((score.chance for score in scores if score.chance is not None), None)
    if chance is not None and series:
        series[0]["markLine"] = chance_line(chance, colours)
    return {
        **base(colours),
        "grid": {"left": 12, "right": 24, "top": 54, "bottom": 22, "containLabel": True},
        "legend": {**legend(colours), "data": sorted(groups)},
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "xAxis": {**axis(colours, name="training step", type="value"), "min": 0},
        "yAxis": {**upright(colours, scores[0].metric.replace("_", " ") if scores else ""), "scale": True},
        "series": series,
    }


def _point(score: Score, lead: Callable[[Score], str] | None) -> Any:
    point = [score.step, rounded(score.value)]
    return {"value": point, "lead": lead(score)} if lead else point
