"""How results are printed."""

import json
import re
from decimal import Decimal
from typing import Any

from rich.console import Console

from gristmill.flows.reporter import to_standard_output

PIPE_WIDTH = 160
CONTROLS = re.compile(r"[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""Characters that JSON allows in a string and that control a terminal or reverse a line."""


def screen() -> Console:
    """The console for results: as wide as the terminal, and in a pipe wide enough for the tables."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPE_WIDTH)


def print_json(value: Any) -> None:
    """Print a result as one JSON document that is safe for a terminal: control characters are escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=plain)
    to_standard_output(CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def plain(value: object) -> object:
    """``value`` as JSON can represent it: DuckDB's decimal sums become whole numbers; dates and the like, text."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)
