"""Tables: rows of plain values, with cells drawn by one template that escapes everything.

Values may come from a crawl. They reach the browser as JSON and are drawn as text nodes by Vue; the
target of a link is always built by this application (``/documents/...``), never taken from the data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nicegui import ui

Kind = Literal["text", "mono", "number", "score", "percent", "badge", "link", "wrap", "interval", "signed", "share"]

CELL = """
<q-td :props="props" :class="'cell cell-' + props.col.kind">
  <a v-if="props.row[props.col.name + '_href']" :href="props.row[props.col.name + '_href']" :title="props.value">
    {{ props.value === null || props.value === '' ? '(none)'
      : props.col.kind === 'number' ? Number(props.value).toLocaleString('en-US') : props.value }}</a>
  <span v-else-if="props.value === null || props.value === ''" class="muted">–</span>
  <span v-else-if="props.col.kind === 'badge'"
    :class="'badge tone-' + (props.row[props.col.name + '_tone'] || 'plain')">{{ props.value }}</span>
  <span v-else-if="props.col.kind === 'number'">{{ Number(props.value).toLocaleString('en-US') }}</span>
  <span v-else-if="props.col.kind === 'score'">{{ Number(props.value).toFixed(3) }}</span>
  <span v-else-if="props.col.kind === 'signed'">
    {{ (props.value > 0 ? '+' : '') + Number(props.value).toFixed(3) }}</span>
  <span v-else-if="props.col.kind === 'percent'">{{ (100 * props.value).toFixed(1) }} %</span>
  <span v-else-if="props.col.kind === 'share'" class="meter">
    <span class="meter-part"
      :style="{width: Math.min(100, 100 * (props.row[props.col.name + '_part'] ?? props.value)) + '%'}"></span>
    <span class="meter-text">
      {{ props.row[props.col.name + '_text'] || (100 * props.value).toFixed(1) + ' %' }}</span></span>
  <span v-else-if="props.col.kind === 'interval'" class="interval" role="img"
    :title="props.value.title" :aria-label="props.value.title">
    <span class="interval-reach" :style="{left: props.value.low + '%', right: (100 - props.value.high) + '%'}"></span>
    <span v-if="props.value.mark !== null" class="interval-mark" :style="{left: props.value.mark + '%'}"></span>
    <span class="interval-value" :style="{left: props.value.at + '%'}"></span>
  </span>
  <span v-else :title="String(props.value)">{{ props.value }}</span>
</q-td>
"""


@dataclass(frozen=True)
class Column:
    """A column: ``name`` is the key in the rows. A row may also have ``<name>_href`` and ``<name>_tone``.

    A ``share`` is drawn as its percentage, or ``<name>_text``, over a bar as long as the share, or as ``<name>_part``.
    """

    name: str
    label: str
    kind: Kind = "text"


def table(columns: Sequence[Column], rows: list[dict[str, Any]], *, page: int = 0) -> ui.table:
    """A sortable table of all rows, or ``page`` rows at a time."""
    numbers = ("number", "score", "percent", "signed")
    drawn = ui.table(
        columns=[
            {
                "name": column.name,
                "label": column.label,
                "field": column.name,
                "kind": column.kind,
                "align": "right" if column.kind in numbers else "left",
                "sortable": column.kind != "interval",
            }
            for column in columns
        ],
        rows=[{**row, "id": place} for place, row in enumerate(rows)],
        row_key="id",
        pagination=page if page and len(rows) > page else 0,
    )
    drawn.props("flat" if page and len(rows) > page else "flat hide-bottom")
    drawn.classes("grid")
    drawn.add_slot("body-cell", CELL)
    return drawn


def interval(
    value: float, low: float, high: float, scale: tuple[float, float], mark: float | None = None
) -> dict[str, Any]:
    """A cell of the kind ``interval``: a value with its ends on a ``scale``, and a mark such as chance or zero."""
    least, most = scale

    def place(number: float) -> float:
        return round(min(100.0, max(0.0, 100 * (number - least) / (most - least))), 2) if most > least else 0.0

    return {
        "low": place(low),
        "high": place(high),
        "at": place(value),
        "mark": None if mark is None else place(mark),
        "title": f"{value:.3f}, 95 % interval {low:.3f} to {high:.3f}",
    }
