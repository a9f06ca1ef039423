"""The planted values: the same ones for the same edition of the templates, and the blocks that pages hold for them.

Values depend on seeds alone, not on the pages, so that the report can look for them in what became of the crawl. The
cost is microseconds a value.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from random import Random

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.demo_site.planted.templates import FIRST, OTHER, Template

SEEDS: Mapping[str, int] = {"first": 11, "other": 7919}


@dataclass(frozen=True)
class Planted:
    """A value that some page holds: its kind, the set of templates it is of, and the block of HTML around it."""

    kind: FindingKind
    templates: str
    value: str
    sentence: str
    block: str

    @property
    def lines(self) -> tuple[str, ...]:
        """The value as it may stand in a text, line by line."""
        return tuple(line for line in self.value.split("\n") if line)


def planted() -> tuple[Planted, ...]:
    """Every planted value."""
    return (*_made("first", FIRST), *_made("other", OTHER))


def _made(name: str, templates: Sequence[Template]) -> list[Planted]:
    rng = Random(SEEDS[name])  # noqa: S311  # values that belong to nobody
    made = []
    for template in templates:
        value = template.value if isinstance(template.value, str) else template.value(rng)
        sentence = template.sentence.format(value)
        made.append(Planted(template.kind, name, value, sentence, template.html.format(escape(sentence))))
    return made


def blocks_by_path(paths: Sequence[str]) -> dict[str, list[str]]:
    """Which page holds which blocks: each value on one page, as evenly as the pages allow."""
    ordered = sorted(paths, key=lambda path: hashlib.sha256(path.encode()).digest())
    chosen: dict[str, list[str]] = {}
    if ordered:
        for place, value in enumerate(planted()):
            chosen.setdefault(ordered[place % len(ordered)], []).append(value.block)
    return chosen


def spread(blocks: list[str], more: Sequence[str]) -> list[str]:
    """The blocks with the others among them, none before the first."""
    for place, block in enumerate(more, 1):
        at = max(1, len(blocks) * place // (len(more) + 1))
        blocks = [*blocks[:at], block, *blocks[at:]]
    return blocks
