"""Options that several verbs share, and how results are printed."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from gristmill.core.files.places import local_path
from gristmill.flows.reporter import to_standard_output


def on_this_machine(param: typer.CallbackParam, value: Path | None) -> Path | None:
    """The path of an option that takes no address; see :func:`gristmill.core.files.places.local_path`."""
    return None if value is None else local_path(value, param.opts[0] if param.opts else str(param.name))


LakeOption = Annotated[
    Path,
    typer.Option("--lake", callback=on_this_machine, help="Folder of the lake; created when it does not exist."),
]
"""For commands that a lake may begin with."""
KnownLakeOption = Annotated[Path, typer.Option("--lake", callback=on_this_machine, help="Folder of the lake.")]
"""For commands that need what is in a lake: see :func:`gristmill.flows.cli.look.existing`."""
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
WorkersOption = Annotated[int, typer.Option("--workers", min=1, max=256, help="Shards worked on at the same time.")]
MapOption = Annotated[
    str, typer.Option("--map", help="Columns of JSONL, Parquet and CSV, such as text=content,id=key,url=link.")
]
UnquotedOption = Annotated[
    bool, typer.Option("--unquoted", help="Quotes of CSV and TSV are plain characters: every line is a row.")
]
FollowLinksOption = Annotated[
    bool, typer.Option("--follow-links", help="Read links that lead out of an input folder, too.")
]
AllowDamageOption = Annotated[
    bool, typer.Option("--allow-damage", help="Go on although nothing could be read of a named input.")
]
"""How inputs are read: every verb that takes files of one's own has these four."""

DEFAULT_LAKE = Path("lake")
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
