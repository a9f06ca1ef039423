"""The charts as ECharts options: plain dictionaries made from answers, so that tests can read them.

Tooltips are drawn on the canvas (``renderMode: richText``), so no name in the data can become HTML. The only
JavaScript is :data:`ERROR_BAR`, which draws an interval; the data never enter it.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gristmill.warehouse.queries import STAGES, Funnel, Loss, Score, Share

Options = dict[str, Any]
Lead = Callable[[str, str], str]
"""The address that a part of stacked bars leads to, by the names of its category and its series."""
MOST_RULES = 20
NARROW = 0.03  # of the longest bar: a part of it that has no room for its number
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


@dataclass(frozen=True)
class Palette:
    """Colours of one theme. ``series`` tells mixtures and domains apart, also for the colour-blind (Okabe and Ito);
    ``on_colour`` is for words written on one of these."""

    text: str
    muted: str
    line: str
    accent: str
    rejected: str
    on_colour: str
    series: tuple[str, ...]


LIGHT = Palette(
    "#1c1917",
    "#78716c",
    "#e7e5e4",
    "#0f766e",
    "#d9b8a7",
    "#ffffff",
    ("#0f766e", "#d55e00", "#0072b2", "#cc79a7", "#8a6d00", "#56b4e9"),
)
DARK = Palette(
    "#e7e5e4",
    "#a8a29e",
    "#33302d",
    "#2dd4bf",
    "#7c5546",
    "#0c0a09",
    ("#2dd4bf", "#f0883e", "#58a6ff", "#e39ac7", "#e3c341", "#9ad4f5"),
)


def palette(dark: bool) -> Palette:
    """The colours of a theme."""
    return DARK if dark else LIGHT


def stage_chart(funnel: Funnel, dark: bool, lead: Lead | None = None) -> Options:
    """Records that reach each stage, split into kept and rejected; sources are added up."""
    colours = palette(dark)
    kept: dict[str, int] = defaultdict(int)
    rejected: dict[str, int] = defaultdict(int)
    for stage in funnel.stages:
        kept[stage.stage] += stage.kept
        rejected[stage.stage] += stage.rejected
    stages = [stage for stage in STAGES if stage in kept]
    narrow = NARROW * max((kept[stage] + rejected[stage] for stage in stages), default=0)
    return {
        **base(colours),
        "grid": {"left": 8, "right": 40, "top": 36, "bottom": 28, "containLabel": True},
        "legend": {
            "type": "scroll",
            "top": 0,
            "left": 0,
            "textStyle": {"color": colours.muted},
            "itemWidth": 12,
            "itemHeight": 12,
        },
        "xAxis": axis(colours, name="records", type="value", whole=True),
        "yAxis": {**axis(colours, type="category"), "data": stages, "inverse": True},
        "series": [
            _leading(bar, stages, lead)
            for bar in (
                _bar("kept", colours.accent, [kept[stage] for stage in stages], colours.on_colour, narrow),
                _bar("rejected", colours.rejected, [rejected[stage] for stage in stages], colours.text, narrow),
            )
        ],
    }


def rule_chart(funnel: Funnel, dark: bool, lead: Lead | None = None) -> Options:
    """What each rule or reason removed first, largest on top; the first ``MOST_RULES``."""
    colours = palette(dark)
    removed: dict[tuple[str, str], int] = defaultdict(int)
    for rule in funnel.rules:
        removed[rule.stage, rule.rule] += rule.rejected_first
    largest = sorted(removed.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_RULES]
    largest = [entry for entry in largest if entry[1]]
    series = []
    for place, stage in enumerate(stage for stage in STAGES if any(key[0] == stage for key, _ in largest)):
        values = [number if key[0] == stage else None for key, number in largest]
        bar = _bar(stage, colours.series[place % len(colours.series)], values, colours.text)
        bar = _leading(bar, [key[1] for key, _ in largest], lead)
        series.append({**bar, "stack": "all", "label": {"show": True, "position": "right", "color": colours.muted}})
    return {
        **base(colours),
        "grid": {"left": 8, "right": 48, "top": 36, "bottom": 28, "containLabel": True},
        "legend": {
            "type": "scroll",
            "top": 0,
            "left": 0,
            "textStyle": {"color": colours.muted},
            "itemWidth": 12,
            "itemHeight": 12,
        },
        "xAxis": axis(colours, name="records", type="value", whole=True),
        "yAxis": {
            **axis(colours, type="category"),
            "data": [key[1] for key, _ in largest],
            "inverse": True,
            "axisLabel": {"color": colours.text, "width": 180, "overflow": "truncate"},
        },
        "series": series,
    }


def score_chart(scores: list[Score], dark: bool, lead: Callable[[Score], str] | None = None) -> Options:
    """One metric against the training step, a line for each mixture, an error bar for each checkpoint.

    ``lead`` gives the address that the point of a score leads to.
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
        "grid": {"left": 12, "right": 24, "top": 54, "bottom": 34, "containLabel": True},
        "legend": {
            "type": "scroll",
            "top": 0,
            "left": 0,
            "textStyle": {"color": colours.muted},
            "data": sorted(groups),
        },
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "xAxis": {**axis(colours, name="training step", type="value"), "min": 0},
        "yAxis": {**upright(colours, scores[0].metric.replace("_", " ") if scores else ""), "scale": True},
        "series": series,
    }


def _point(score: Score, lead: Callable[[Score], str] | None) -> Any:
    point = [score.step, rounded(score.value)]
    return {"value": point, "lead": lead(score)} if lead else point


def chance_line(chance: float, colours: Palette) -> Options:
    """A dashed line at the score of guessing."""
    return {
        "silent": True,
        "symbol": "none",
        "lineStyle": {"type": "dashed", "color": colours.muted},
        "label": {"formatter": "chance", "color": colours.muted, "position": "insideEndTop"},
        "data": [{"yAxis": chance}],
    }


def loss_chart(losses: list[Loss], dark: bool) -> Options:
    """Training loss against tokens seen, a line for each run."""
    colours = palette(dark)
    groups: dict[tuple[str, str], list[Loss]] = defaultdict(list)
    for loss in losses:
        groups[loss.mixture, loss.run].append(loss)
    names = distinct(list(groups))
    return {
        **base(colours),
        "grid": {"left": 12, "right": 24, "top": 54, "bottom": 34, "containLabel": True},
        "legend": {"type": "scroll", "top": 0, "left": 0, "textStyle": {"color": colours.muted}},
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "xAxis": {**axis(colours, name="tokens seen", type="value"), "min": 0},
        "yAxis": {**upright(colours, "nats a token"), "scale": True},
        "series": [
            {
                "type": "line",
                "name": names[key],
                "showSymbol": False,
                "lineStyle": {"width": 1.8},
                "itemStyle": {"color": colours.series[place % len(colours.series)]},
                "data": [[loss.tokens, rounded(loss.loss)] for loss in members],
            }
            for place, (key, members) in enumerate(sorted(groups.items()))
        ],
    }


def mixture_chart(shares: list[Share], dark: bool) -> Options:
    """The share of every domain in every mixture (and stage), stacked to 1."""
    colours = palette(dark)
    staged = {share.digest for share in shares if share.stage > 0}
    bars = sorted({(share.mixture, share.digest, share.stage) for share in shares})
    known = distinct(sorted({bar[:2] for bar in bars}))
    names = [known[bar[:2]] + (f", stage {bar[2]}" if bar[1] in staged else "") for bar in bars]
    weights = {(share.mixture, share.digest, share.stage, share.domain): share.weight for share in shares}
    domains = sorted({share.domain for share in shares})
    return {
        **base(colours),
        "grid": {"left": 8, "right": 24, "top": 36, "bottom": 34, "containLabel": True},
        "legend": {
            "type": "scroll",
            "top": 0,
            "left": 0,
            "textStyle": {"color": colours.muted},
            "itemWidth": 12,
            "itemHeight": 12,
        },
        "xAxis": {**axis(colours, name="share of tokens", type="value"), "max": 1},
        "yAxis": {**axis(colours, type="category"), "data": names, "inverse": True},
        "series": [
            {
                **_bar(
                    domain,
                    colours.series[place % len(colours.series)],
                    [rounded(weights.get((*bar, domain), 0.0)) for bar in bars],
                    colours.on_colour,
                )
            }
            for place, domain in enumerate(domains)
        ],
    }


def distinct(keys: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """A name for each (name, digest): the name alone where it is the only one of that name."""
    names = [name for name, _ in keys]
    return {key: key[0] if key[0] and names.count(key[0]) == 1 else f"{key[0]} {key[1][:8]}".strip() for key in keys}


def base(colours: Palette) -> Options:
    """What all charts have in common."""
    return {
        "animation": False,
        "backgroundColor": "transparent",
        "textStyle": {"fontFamily": "inherit", "color": colours.text},
        "tooltip": {"trigger": "item", "renderMode": "richText"},
    }


def axis(colours: Palette, *, type: str, name: str = "", whole: bool = False) -> Options:
    """An axis of the theme, with its name in the middle."""
    found: Options = {
        "type": type,
        "axisLabel": {"color": colours.text if type == "category" else colours.muted},
        "axisLine": {"lineStyle": {"color": colours.line}},
        "axisTick": {"show": False},
        "splitLine": {"lineStyle": {"color": colours.line}},
    }
    if name:
        found |= {"name": name, "nameTextStyle": {"color": colours.muted}}
        found |= {"nameLocation": "middle", "nameGap": 26}
    return found | ({"minInterval": 1} if whole else {})


def upright(colours: Palette, name: str) -> Options:
    """A vertical axis of values, its name above it: beside it the name would meet numbers of unknown width."""
    named = {"name": name, "nameLocation": "end", "nameGap": 10}
    style = {"nameTextStyle": {"color": colours.muted, "align": "left", "padding": [0, 0, 0, -6]}}
    return {**axis(colours, type="value"), **named, **style}


def _leading(bar: Options, categories: Sequence[str], lead: Lead | None) -> Options:
    """The bar with an address in each of its parts."""
    if lead is None:
        return bar
    parts = [
        {**(part if isinstance(part, dict) else {"value": part}), "lead": lead(category, bar["name"])} if part else part
        for category, part in zip(categories, bar["data"], strict=True)
    ]
    return {**bar, "data": parts}


def _bar(name: str, colour: str, values: list[Any], label: str, narrow: float = 0.0) -> Options:
    """A part of stacked bars; numbers below ``narrow`` are not written, as they would not fit in their part."""
    return {
        "type": "bar",
        "name": name,
        "stack": "all",
        "barMaxWidth": 26,
        "itemStyle": {"color": colour},
        "emphasis": {"disabled": True},
        "label": {"show": True, "color": label},
        "labelLayout": {"hideOverlap": True},
        "data": [
            {"value": value, "label": {"show": False}} if value and value < narrow else value or None
            for value in values
        ],
    }


def rounded(value: float) -> float:
    """Four significant decimals: tooltips show the number as it is."""
    return round(value, 4)
