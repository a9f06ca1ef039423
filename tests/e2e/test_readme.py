"""The commands that the README and the pages in docs/ tell people to type are commands that exist."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
import yaml
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from gristmill.flows.cli.app import app
from gristmill.flows.curate.settings import CurateSettings, DedupSettings
from gristmill.flows.settings import load_pipeline
from gristmill.tasks.ingest.readers.reasons import Reason
from gristmill.warehouse.connection import Warehouse
from tests.helpers.cli import Ended

PROJECT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.zh-CN.md")
PAGES = sorted([*(PROJECT / name for name in READMES), *(PROJECT / "docs").glob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
INLINE = re.compile(r"`gristmill\s([^`]+)`")
PLACEHOLDERS = ("...", "…")


def commands(page: Path) -> list[str]:
    """What follows ``gristmill`` in the lines of fenced blocks, without the comment or explanation behind it.

    Options in brackets, which may be left out, are taken.
    """
    lines = [line for _, block in FENCE.findall(page.read_text(encoding="utf-8")) for line in block.splitlines()]
    found = [re.match(r"(?:\$ )?gristmill\s+(.*)", line) for line in lines]
    taken = [re.split(r"\s{2,}|\s#", match.group(1))[0] for match in found if match]
    return [re.sub(r"\[(-[^]]*)\]", r"\1", command) for command in taken]


def inline(page: Path) -> list[str]:
    """What follows ``gristmill`` in code spans of running text."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [" ".join(words.split()) for words in INLINE.findall(text)]


def parse(words: list[str]) -> None:
    """Take ``words`` as the command line does, without doing it. Raises ``click.ClickException`` for wrong ones."""
    verb, words = verb_of(words)
    if any(placeholder in word for word in words for placeholder in PLACEHOLDERS):
        known = {option for parameter in verb.params for option in parameter.opts} | {"--help"}
        assert {word for word in words if word.startswith("-")} <= known
        return
    with verb.make_context(verb.name, words):
        return


def verb_of(words: list[str]) -> tuple[TyperCommand, list[str]]:
    """The command that ``words`` name, and what is left for it."""
    command = get_command(app)
    while isinstance(command, TyperGroup):
        found = command.get_command(typer.Context(command), words[0])
        assert found is not None, f"gristmill has no verb {words[0]!r}"
        command, words = found, words[1:]
    assert isinstance(command, TyperCommand)
    return command, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_a_block_parses(page: Path) -> None:
    for command in commands(page):
        parse(shlex.split(command))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_the_text_names_a_verb_and_options_that_exist(page: Path) -> None:
    for command in inline(page):
        verb, words = verb_of(shlex.split(command))
        known = {option for parameter in verb.params for option in parameter.opts} | {"--help"}
        assert {word for word in words if word.startswith("-")} <= known, command


def test_a_command_that_does_not_exist_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Look: `gristmill why A --lak x`\n```\ngristmill curate --input a --sorce b  # no\n```\n", "utf-8")
    assert inline(page) == ["why A --lak x"]
    assert commands(page) == ["curate --input a --sorce b"]
    with pytest.raises(Exception, match="No such option: --sorce"):
        parse(shlex.split(commands(page)[0]))


def test_the_page_on_curation_has_every_option_with_its_default() -> None:
    """A row ``| `--option` | default | key |`` for each option of ``curate``, and no row of another."""
    page = (PROJECT / "docs" / "curation.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(--[a-z-]+)` \|([^|]*)\|", page, re.M)
    verb, _ = verb_of(["curate"])
    defaults = {option.opts[0]: None if option.required else option.default for option in verb.params}
    said = {name: value.strip().strip("`") for name, value in rows}
    assert len(said) == len(rows)
    assert said.keys() == defaults.keys() - {"--help"}
    for name, value in said.items():
        default = defaults[name]
        unset = default is None or default is False or default == ""
        assert value in (("", "off") if unset else (str(default),)), name


def test_the_example_pipeline_file_shows_every_key_of_curation_as_its_default() -> None:
    path = PROJECT / "flows" / "configs" / "demo.yaml"
    keys = yaml.safe_load(path.read_text(encoding="utf-8"))["curate"]
    assert keys.keys() == CurateSettings.model_fields.keys()
    assert keys["dedup"].keys() == DedupSettings.model_fields.keys()
    ours = ("source", "inputs", "policy")
    assert load_pipeline(path).curate.model_dump(exclude=set(ours)) == CurateSettings(
        **{name: keys[name] for name in ours}
    ).model_dump(exclude=set(ours))


def test_every_reason_of_set_aside_is_on_the_page() -> None:
    page = (PROJECT / "docs" / "curation.md").read_text(encoding="utf-8")
    _, _, listed = page.partition("| reason | what was found |")
    rows = re.findall(r"^\| `([a-z_]+)` \| ([^|]*) \|$", listed, re.M)
    assert rows == [(reason.value, reason.about) for reason in Reason]


def test_both_readmes_show_the_same_commands() -> None:
    english, chinese = (commands(PROJECT / name) for name in READMES)
    assert english == chinese
    assert len(english) >= 6


EMPTY_IN_THE_DEMO = {"SELECT * FROM funnel_domains"}
"""No rule of the demo's policy drops a document, or holds one, for what was found in it."""


def test_the_queries_of_the_pages_run_on_the_demo_lake(demo_lake: Path, run: Callable[..., Ended]) -> None:
    (sql,) = (shlex.split(command)[1] for command in commands(PROJECT / "README.md") if command.startswith("query "))
    ended = run("query", sql, "--lake", str(demo_lake), "--json")
    assert ended.code == 0, ended.err
    rows = {row["stage"]: row for row in ended.json()}
    assert rows.keys() == {"ingest", "extract", "decide", "deduplicate", "clean", "review", "curate"}
    assert rows["ingest"]["records_in"] >= rows["curate"]["kept"] > 0
    warehouse = Warehouse.open(demo_lake)
    for page in PAGES:
        blocks = FENCE.findall(page.read_text(encoding="utf-8"))
        queries = [block for language, block in blocks if language == "sql"]
        queries += [shlex.split(command)[1] for command in commands(page) if command.startswith("query ")]
        for query in queries:
            if query != "SQL":  # the place of one, in the list of verbs
                assert warehouse.ask(query).num_rows or query in EMPTY_IN_THE_DEMO, f"{page.name}: {query}"
