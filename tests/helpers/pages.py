"""What the project's Markdown pages promise: links, and commands of ``gristmill`` with their options."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

_FENCED = re.compile(r"^```[^\n]*\n(.*?)^```", re.M | re.S)
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
_COMMAND = re.compile(r"(?:^|[\s(|&;/])(?<!import )gristmill((?: +[^\s|&;#]+)*)", re.M)
_VERB = re.compile(r"[a-z][a-z-]*$")
_OPTION = re.compile(r"--[a-z][a-z0-9-]*")


@dataclass(frozen=True)
class Mention:
    """A command as a page shows it: its words after ``gristmill``."""

    words: tuple[str, ...]


def links(text: str) -> list[str]:
    """The files that a page links to, without the places in them."""
    return [target for target in _LINK.findall(text) if not re.match(r"[a-z]+:", target)]


def dead_links(page: Path) -> list[str]:
    """Links to files that do not exist, relative to the page."""
    return [target for target in links(page.read_text(encoding="utf-8")) if not (page.parent / target).exists()]


def mentions(text: str) -> list[Mention]:
    """Every command in fenced blocks and code spans."""
    fenced = _FENCED.findall(text)
    spans = [span.replace("\n", " ") for span in _SPAN.findall(_FENCED.sub("", text))]
    code = [part.replace("\\\n", " ") for part in (*fenced, *spans)]
    return [Mention(tuple(words.split())) for part in code for words in _COMMAND.findall(part) if words.split()]


def verbs_of(app: typer.Typer) -> dict[str, set[str]]:
    """The options of every verb of a command line; a verb in a group is called ``warehouse rebuild``."""
    found: dict[str, set[str]] = {}

    def visit(command: Any, name: str) -> None:
        below: dict[str, Any] = getattr(command, "commands", {})
        for verb, inner in below.items():
            visit(inner, f"{name} {verb}".strip())
        if not below:
            opts = [(*parameter.opts, *parameter.secondary_opts) for parameter in command.params]
            found[name] = {"--help", *(option for names in opts for option in names)}

    visit(typer.main.get_command(app), "")
    return found


def wrong_command(mention: Mention, verbs: Mapping[str, set[str]]) -> str | None:
    """What is wrong with a mention: a verb that does not exist, or an option that the verb does not have."""
    words = mention.words
    if not _VERB.match(words[0]):
        return None  # VERB, --help
    group = any(verb.startswith(f"{words[0]} ") for verb in verbs)
    if group and len(words) == 1:
        return None
    name = " ".join(words[: 1 + group])
    if name not in verbs:
        return f"gristmill {name}: there is no such verb"
    options = [found for word in words for found in _OPTION.findall(word) if word.startswith(("--", "[--"))]
    wrong = [option for option in options if option not in verbs[name]]
    return f"gristmill {name}: there is no option {wrong[0]}" if wrong else None
