"""How results are printed."""

import json
import re
from decimal import Decimal
from typing import Any

from rich.console import Console

from gristmill.flows.reporter import to_standard_output

PIPE_WIDTH = 160
CONTROLS = re.compile(r"[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""What JSON lets stand in a text that steers a terminal or turns a line around."""


def screen() -> Console:
    """Where results are printed: as wide as the terminal, and in a pipe wide enough for the tables."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPE_WIDTH)


def print_json(value: Any) -> None:
    """A result as one JSON document, which a terminal may show: control characters are written as escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=plain)
    to_standard_output(CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def plain(value: object) -> object:
    """What JSON has no form for: DuckDB's sums of whole numbers come as decimals; dates and the like become text."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)
