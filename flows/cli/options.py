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
CheckpointArgument = Annotated[
    Path, typer.Argument(help="Folder with config.json, safetensors weights and a tokenizer.")
]
EvaluatedArgument = Annotated[str, typer.Argument(help="Label or digest (its start) of an evaluated checkpoint.")]
