"""What the verbs of experiments share."""

from pathlib import Path
from typing import Annotated

import typer

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The experiment (YAML); docs/experiments.md.")]
NameOption = Annotated[
    str | None, typer.Option("--name", help="What to call the experiment; the file's name when left out.")
]
