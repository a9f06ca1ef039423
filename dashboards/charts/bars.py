"""Stacked bars, whose parts may link to an address."""

from collections.abc import Callable, Sequence
from typing import Any

from gristmill.dashboards.charts.options import Options

Lead = Callable[[str, str], str]
"""Returns the address that a part of a stacked bar links to, given the names of its category and its series."""


def stacked_bar(name: str, colour: str, values: list[Any], label: str, narrow: float = 0.0) -> Options:
    """A series of stacked bars; numbers below ``narrow`` are not shown, as they would not fit in their part."""
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


def leading_bar(bar: Options, categories: Sequence[str], lead: Lead | None) -> Options:
    """The bar with a link in each of its parts."""
    if lead is None:
        return bar
    parts = [
        {**(part if isinstance(part, dict) else {"value": part}), "lead": lead(category, bar["name"])} if part else part
        for category, part in zip(categories, bar["data"], strict=True)
    ]
    return {**bar, "data": parts}
