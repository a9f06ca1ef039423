"""Charts on a page: with a name for screen readers, and parts that link to other pages."""

from nicegui import ui
from nicegui.events import EChartPointClickEventArguments

from gristmill.dashboards.charts.options import Options


def chart(options: Options, name: str, *, small: bool = False) -> None:
    """Draw a chart called ``name``. A click on a part with a ``lead``, the address of one of our pages, opens it."""
    leads = any(
        isinstance(part, dict) and "lead" in part for series in options["series"] for part in series.get("data", ())
    )
    pointed = [{**series, "cursor": "pointer" if leads else "default"} for series in options["series"]]
    drawn = ui.echart({**options, "series": pointed}, on_point_click=follow if leads else None)
    drawn.classes("chart small" if small else "chart").props("role=img")
    drawn.props["aria-label"] = name


def follow(click: EChartPointClickEventArguments) -> None:
    """Open the address of the part that was clicked."""
    lead = click.data.get("lead") if isinstance(click.data, dict) else None
    if isinstance(lead, str) and lead.startswith("/") and not lead.startswith("//"):
        ui.navigate.to(lead)
