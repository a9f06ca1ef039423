"""What the charts share: colours, axes, legends and the chance line, as ECharts options.

Options are plain dictionaries, so that tests can read them. Tooltips are drawn on the canvas
(``renderMode: richText``), so no name in the data can become HTML.
"""

from dataclasses import dataclass
from typing import Any

Options = dict[str, Any]


@dataclass(frozen=True)
class Palette:
    """Colours of one theme. ``series`` distinguishes mixtures and domains, also for the colour-blind (Okabe and Ito);
    ``on_colour`` is for text on one of these."""

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


DASHES = ("solid", "dashed", "dotted")


def line_style(colours: Palette, place: int) -> Options:
    """Colour and stroke of the line at ``place``: other strokes once the colours are used up, 18 in all."""
    colour, stroke = colours.series[place % len(colours.series)], DASHES[place // len(colours.series) % len(DASHES)]
    line = {"width": 2, "type": stroke, "color": colour}
    return {"itemStyle": {"color": colour}, "lineStyle": line, "symbol": "circle"}


def chance_line(chance: float, colours: Palette) -> Options:
    """A dashed line at the score of guessing."""
    return {
        "silent": True,
        "symbol": "none",
        "lineStyle": {"type": "dashed", "color": colours.muted},
        "label": {"formatter": "chance", "color": colours.muted, "position": "insideEndTop"},
        "data": [{"yAxis": chance}],
    }


def base(colours: Palette) -> Options:
    """What all charts have in common."""
    return {
        "animation": False,
        "backgroundColor": "transparent",
        "textStyle": {"fontFamily": "inherit", "color": colours.text},
        "tooltip": {"trigger": "item", "renderMode": "richText"},
    }


SHORTENED = "name => name.length > 32 ? name.slice(0, 31) + '…' : name"
"""Names of a legend that would push the others out of sight, cut by the browser."""


def legend(colours: Palette, *, square: bool = False) -> Options:
    """A legend above the chart, in one line that scrolls; ``square`` symbols for bars."""
    found: Options = {"type": "scroll", "top": 0, "left": 0, "textStyle": {"color": colours.muted}}
    found |= {":formatter": SHORTENED}
    return found | ({"itemWidth": 12, "itemHeight": 12} if square else {})


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
    """A vertical axis of values, its name above it: next to it the name could overlap wide numbers."""
    named = {"name": name, "nameLocation": "end", "nameGap": 10}
    style = {"nameTextStyle": {"color": colours.muted, "align": "left", "padding": [0, 0, 0, -6]}}
    return {**axis(colours, type="value"), **named, **style}


def rounded(value: float) -> float:
    """Four decimals: tooltips show the number as it is."""
    return round(value, 4)
