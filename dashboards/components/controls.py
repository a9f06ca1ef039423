"""The controls above a page's content: choices and search fields, the same on every page."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nicegui import ui


def choice(
    label: str,
    options: Sequence[str] | Mapping[str, str],
    value: str | None,
    *,
    clearable: bool = False,
    url: Callable[[Any], str] | None = None,
    classes: str = "",
) -> ui.select:
    """A choice among ``options``, a list or labels by value; a ``value`` that is not one of them chooses nothing.

    With ``url`` a choice opens that address at once.
    """
    known = dict(options) if isinstance(options, Mapping) else list(options)
    lead = None if url is None else lambda event: ui.navigate.to(url(event.value))
    drawn = ui.select(known, label=label, value=value if value in known else None, clearable=clearable, on_change=lead)
    return drawn.props("outlined dense").classes(f"control {classes}")


def search_field(label: str, value: str, classes: str = "") -> ui.input:
    """A line of text to search for."""
    return ui.input(label, value=value).props("outlined dense clearable").classes(f"control {classes}")


def searched(field: ui.input) -> str:
    """The text of a search field, which is null after it was cleared."""
    return (field.value or "").strip()
