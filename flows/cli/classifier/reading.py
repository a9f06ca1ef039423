"""What ``classifier train`` and ``classifier score`` share: how they read texts, and what they say of unread ones."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from gristmill.flows.cli.classifier.settings import ReadingSettings
    from gristmill.tasks.classifier.texts import InputOptions, Texts


def input_options(settings: "ReadingSettings") -> "InputOptions":
    """How the settings read texts."""
    from gristmill.tasks.classifier.texts import InputOptions

    return InputOptions(settings.map, settings.unquoted, settings.follow_links, settings.allow_damage)


def say_not_read(texts: "Texts") -> None:
    """A line on standard error for each file that was not read and each damaged byte range."""
    for line in texts.not_read:
        typer.echo(line, err=True)
