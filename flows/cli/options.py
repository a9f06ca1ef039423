"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

from gristmill.core.files.places import local_path


def on_this_machine(param: typer.CallbackParam, value: Path | None) -> Path | None:
    """The path of an option that takes no address; see :func:`gristmill.core.files.places.local_path`."""
    return None if value is None else local_path(value, param.opts[0] if param.opts else str(param.name))


DEFAULT_LAKE = Path("lake")

LakeOption = Annotated[
    Path,
    typer.Option("--lake", callback=on_this_machine, help="Folder of the lake; created when it does not exist."),
]
"""For commands that a lake may begin with."""
KnownLakeOption = Annotated[Path, typer.Option("--lake", callback=on_this_machine, help="Folder of the lake.")]
"""For commands that need what is in a lake: see :func:`gristmill.flows.existing_lake.existing`."""
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
WorkersOption = Annotated[int, typer.Option("--workers", min=1, max=256, help="Shards worked on at the same time.")]
MapOption = Annotated[
    str, typer.Option("--map", help="Columns of JSONL, Parquet and CSV, such as text=content,id=key,url=link.")
]
UnquotedOption = Annotated[
    bool, typer.Option("--unquoted", help="Quotes of CSV and TSV are plain characters: every line is a row.")
]
FollowLinksOption = Annotated[
    bool, typer.Option("--follow-links", help="Also follow links that lead out of an input folder.")
]
AllowDamageOption = Annotated[
    bool, typer.Option("--allow-damage", help="Go on even if nothing could be read of a named input.")
]
"""MapOption to AllowDamageOption: how inputs are read, for every verb that takes files."""
DataOption = Annotated[
    Path | None,
    typer.Option("--data", envvar="GRISTMILL_DATA", help="Folder with the files of benchmarks."),
]
LicenceOption = Annotated[
    list[str] | None,
    typer.Option("--accept-licence", help="Name of a non-commercial licence that your use is allowed by; repeatable."),
]
CheckpointArgument = Annotated[
    Path, typer.Argument(help="Folder with config.json, safetensors weights and a tokenizer.")
]
