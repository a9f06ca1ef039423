"""Whatever reads files of one's own takes the same options on how to read them."""

import typer.main

from gristmill.flows.cli.app import app

READING = {"--map", "--unquoted", "--follow-links", "--allow-damage"}
READERS = {"curate", "preflight", "contamination", "classifier train", "classifier score", "domains train"}


def options() -> dict[str, set[str]]:
    """The options of every verb."""
    found = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = {f"{name} {verb}": one for verb, one in getattr(command, "commands", {}).items()}
        for verb, one in (inner or {name: command}).items():
            found[verb] = {option for parameter in one.params for option in parameter.opts}
    return found


def test_every_verb_that_reads_inputs_has_all_reading_options() -> None:
    readers = {verb: READING & names for verb, names in options().items() if READING & names}
    assert readers == dict.fromkeys(READERS, READING)
