"""The charts of training: loss curves, and the domains of mixtures."""

from collections import defaultdict

from gristmill.dashboards.charts.bars import stacked_bar
from gristmill.dashboards.charts.options import Options, axis, base, legend, palette, rounded, upright
from gristmill.dashboards.wording import distinct
from gristmill.warehouse.queries import Loss, Share


def loss_chart(losses: list[Loss], dark: bool) -> Options:
    """Training loss against tokens seen, one line per run."""
    colours = palette(dark)
    groups: dict[tuple[str, str], list[Loss]] = defaultdict(list)
    for loss in losses:
        groups[loss.mixture, loss.run].append(loss)
    names = distinct(list(groups))
    return {
        **base(colours),
        "grid": {"left": 12, "right": 24, "top": 54, "bottom": 22, "containLabel": True},
        "legend": legend(colours),
        "tooltip": {"trigger": "axis", "renderMode": "richText"},
        "xAxis": {**axis(colours, name="tokens seen", type="value"), "min": 0},
        "yAxis": {**upright(colours, "nats per token"), "scale": True},
        "series": [
            {
                "type": "line",
                "name": names[key],
                "showSymbol": False,
                "symbol": "circle",
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
        "grid": {"left": 8, "right": 24, "top": 36, "bottom": 22, "containLabel": True},
        "legend": legend(colours, square=True),
        "xAxis": {**axis(colours, name="share of tokens", type="value"), "max": 1},
        "yAxis": {**axis(colours, type="category"), "data": names, "inverse": True},
        "series": [
            {
                **stacked_bar(
                    domain,
                    colours.series[place % len(colours.series)],
                    [rounded(weights.get((*bar, domain), 0.0)) for bar in bars],
                    colours.on_colour,
                )
            }
            for place, domain in enumerate(domains)
        ],
    }
