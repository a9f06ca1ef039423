"""The charts of the funnel: records at each stage, and what each rule removed."""

from collections import defaultdict

from gristmill.dashboards.charts.bars import Lead, leading_bar, stacked_bar
from gristmill.dashboards.charts.options import Options, axis, base, legend, palette
from gristmill.schemas.stages import StageName
from gristmill.warehouse.queries import Funnel

MOST_RULES = 20
NARROW = 0.03  # of the longest bar: a part of it that has no room for its number


def stage_chart(funnel: Funnel, dark: bool, lead: Lead | None = None) -> Options:
    """Records that reach each stage, split into kept and rejected; sources are added up."""
    colours = palette(dark)
    kept: dict[str, int] = defaultdict(int)
    rejected: dict[str, int] = defaultdict(int)
    for stage in funnel.stages:
        kept[stage.stage] += stage.kept
        rejected[stage.stage] += stage.rejected
    stages = [stage for stage in StageName if stage in kept]
    narrow = NARROW * max((kept[stage] + rejected[stage] for stage in stages), default=0)
    return {
        **base(colours),
        "grid": {"left": 8, "right": 40, "top": 36, "bottom": 28, "containLabel": True},
        "legend": legend(colours, square=True),
        "xAxis": axis(colours, name="records", type="value", whole=True),
        "yAxis": {**axis(colours, type="category"), "data": stages, "inverse": True},
        "series": [
            leading_bar(bar, stages, lead)
            for bar in (
                stacked_bar("kept", colours.accent, [kept[stage] for stage in stages], colours.on_colour, narrow),
                stacked_bar("rejected", colours.rejected, [rejected[stage] for stage in stages], colours.text, narrow),
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
    for place, stage in enumerate(stage for stage in StageName if any(key[0] == stage for key, _ in largest)):
        values = [number if key[0] == stage else None for key, number in largest]
        bar = stacked_bar(stage, colours.series[place % len(colours.series)], values, colours.text)
        bar = leading_bar(bar, [key[1] for key, _ in largest], lead)
        series.append({**bar, "stack": "all", "label": {"show": True, "position": "right", "color": colours.muted}})
    return {
        **base(colours),
        "grid": {"left": 8, "right": 48, "top": 36, "bottom": 28, "containLabel": True},
        "legend": legend(colours, square=True),
        "xAxis": axis(colours, name="records", type="value", whole=True),
        "yAxis": {
            **axis(colours, type="category"),
            "data": [key[1] for key, _ in largest],
            "inverse": True,
            "axisLabel": {"color": colours.text, "width": 180, "overflow": "truncate"},
        },
        "series": series,
    }
