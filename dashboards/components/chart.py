"""Charts on a page: with a name for screen readers, and parts that link to other pages."""

from nicegui import ui
from nicegui.events import EChartPointClickEventArguments

from gristmill.dashboards.charts.options import Options


def chart(
    options: Options, name: str, *, small: bool = False, height: int | None = None, redrawn: bool = False
) -> ui.echart:
    """Draw a chart called ``name``. A click on a part with a ``lead``, the address of one of our pages, opens it.

    ``height`` is in pixels, for charts that grow with their content. One that will be ``redrawn`` may get such parts.
    """
    leads = any(_leads(series) for series in options["series"])
    drawn = ui.echart(pointed(options), on_point_click=follow if leads or redrawn else None)
    drawn.classes("chart small" if small else "chart").props("role=img")
    drawn.props["aria-label"] = name
    if height is not None:
        drawn.style(f"height: {height}px")
    return drawn


def redraw(drawn: ui.echart, options: Options) -> None:
    """Draw other options in a chart that is on the page."""
    drawn.options.clear()
    drawn.options.update(pointed(options))
    drawn.update()


def pointed(options: Options) -> Options:
    """The options with a hand over parts that lead somewhere."""
    leads = any(_leads(series) for series in options["series"])
    shown = [{**series, "cursor": "pointer" if leads else "default"} for series in options["series"]]
    return {**options, "series": shown}


def _leads(series: Options) -> bool:
    return any(isinstance(part, dict) and "lead" in part for part in series.get("data", ()))


def follow(click: EChartPointClickEventArguments) -> None:
    """Open the address of the part that was clicked."""
    lead = click.data.get("lead") if isinstance(click.data, dict) else None
    if isinstance(lead, str) and lead.startswith("/") and not lead.startswith("//"):
        ui.navigate.to(lead)
