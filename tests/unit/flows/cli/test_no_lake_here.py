"""A command that needs what is in a lake makes none where a typo points: it says so and leaves nothing behind."""

from pathlib import Path

import pytest
from typer.main import get_command

from gristmill.core.errors import UsageError
from gristmill.flows.cli.app import app

BEGINNERS = {"demo", "run", "curate", "evaluate", "submit", "speed", "import-results", "serve", "contamination"}
"""Verbs that a lake may begin with, or that take one only to keep what they found."""
WORDS = {
    "compare": ("a", "b"),
    "contamination": ("--suite", "gristmill-reading", "--checkpoint", "a"),
    "export": ("a", "{place}/out.json"),
    "lineage": ("a",),
    "mix": ("--method", "uniform"),
    "query": ("select 1",),
    "regrade": ("a",),
    "serve": ("--stop",),
    "trace": ("a text",),
    "warehouse": ("rebuild",),
    "whatif": ("--policy", "fineweb@code"),
    "why": ("https://example.org/",),
}
"""The words that a verb needs beside ``--lake``."""


def readers() -> list[str]:
    """Every verb that takes a lake and needs one, with those that do so under one of their options."""
    commands = getattr(get_command(app), "commands", {})
    takes = {name for name, found in commands.items() if any("--lake" in one.opts for one in found.params)}
    return sorted((takes - BEGINNERS) | {"contamination", "serve", "warehouse"})


def test_the_verbs_are_those_that_are_known() -> None:
    assert {"compare", "dashboard", "gc", "mix", "query", "train", "verify", "why"} <= set(readers())


@pytest.mark.parametrize("made", [False, True])
@pytest.mark.parametrize("verb", readers())
def test_no_lake_is_made_where_one_is_needed(verb: str, made: bool, tmp_path: Path) -> None:
    place = tmp_path / "typo"
    if made:
        place.mkdir()
    words = [word.format(place=tmp_path) for word in WORDS.get(verb, ())]
    with pytest.raises(UsageError, match=r"there is no lake here. gristmill demo --lake .*typo makes one"):
        get_command(app).main([verb, *words, "--lake", str(place)], prog_name="gristmill", standalone_mode=False)
    assert place.exists() is made
    assert not made or not list(place.iterdir())
