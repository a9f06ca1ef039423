"""What ``classifier train`` and ``classifier score`` share: their inputs."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from gristmill.tasks.classifier.texts import Texts

HELP_OF_INPUTS = "Files, folders or globs of text: JSON Lines, Parquet, CSV, WET, text files; may be repeated."


def say_not_read(texts: "Texts") -> None:
    for line in texts.not_read:
        typer.echo(line, err=True)
