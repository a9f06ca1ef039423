"""The documentation of a Python file, from its source alone: nothing is imported, so nothing runs.

`ast` gives every public class and function with its signature and docstring, as pydoc would show them. The cost is one
parse a file (about 0.3 s a megabyte), kept for the last files because a long file is shown on several pages.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from inspect import cleandoc
from pathlib import Path

from gristmill.tasks.demo_site.markup import rst_blocks

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

#: Counts the text between triple quotes without parsing: good enough to choose files that document something.
TRIPLE = re.compile(rb'"""(.*?)"""', re.S)
#: A public definition of the module, or the module itself, with a docstring. What it misses is found by parsing.
PUBLIC = re.compile(rb'^(?:async def|def|class) [A-Za-z][^\n]*:[ \t]*\n\s+[rR]?"""[^"]', re.M)
MODULE = re.compile(rb'(?:\s*#[^\n]*\n)*\s*[rR]?"""[^"]')


@dataclass(frozen=True)
class Entry:
    """One documented thing: its dotted name, how it is called, its docstring, and the byte of the file it starts at."""

    name: str
    signature: str
    text: str
    offset: int


def prose_parts(path: Path, size: int) -> dict[int, int]:
    """About how many bytes of docstrings start in each part (``size`` bytes of source) of ``path``."""
    counts: dict[int, int] = {}
    for text in TRIPLE.finditer(path.read_bytes()):
        part = text.start() // size
        counts[part] = counts.get(part, 0) + text.end() - text.start() - 6
    return counts


def parts_with_text(path: Path, size: int, parts: Sequence[int]) -> list[int]:
    """Those of ``parts`` (``size`` bytes of source each) that :func:`documentation_blocks` has text for.

    Docstrings of private definitions are not shown, so a part may have many and still be empty. Only a file with a part
    that no public definition opens is parsed: one in four.
    """
    source = path.read_bytes()
    shown = {match.start() // size for match in PUBLIC.finditer(source)} | ({0} if MODULE.match(source) else set())
    if not shown.issuperset(parts):
        shown = {entry.offset // size for entry in entries(path)}
    return [part for part in parts if part in shown]


@lru_cache(maxsize=256)
def entries(path: Path) -> tuple[Entry, ...]:
    """The module's docstring first (name ``""``), then every public definition with one, in the order of the file.

    A file that this Python cannot parse has none.
    """
    source = path.read_bytes()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = [Entry("", "", doc, 0)] if (doc := ast.get_docstring(tree)) else []
    found += [
        Entry(name, _signature(node, name), doc, starts[min(node.lineno, len(starts)) - 1])
        for name, node in _definitions(tree.body, "")
        if (doc := _docstring(node))
    ]
    return tuple(found)


def _docstring(node: Definition) -> str:
    raw = ast.get_docstring(node, clean=False)
    return cleandoc(raw) if raw else ""


def _definitions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Definition]]:
    for node in body:
        if isinstance(node, Definition):
            if node.name.startswith("_"):
                continue
            name = prefix + node.name
            yield name, node
            if isinstance(node, ast.ClassDef):
                yield from _definitions(node.body, name + ".")
        elif isinstance(node, ast.If | ast.Try):
            yield from _definitions(node.body, prefix)


def _signature(node: Definition, name: str) -> str:
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        return f"class {name}({bases})" if bases else f"class {name}"
    text = ast.unparse(node.args)
    lead = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    return f"{lead}{name}({text})" if len(text) < 400 else f"{lead}{name}(...)"


def documentation_blocks(path: Path, part: int, size: int) -> list[str]:
    """HTML of the entries that start in bytes ``[part * size, (part + 1) * size)`` of the file."""
    blocks: list[str] = []
    for entry in entries(path):
        if not part * size <= entry.offset < (part + 1) * size:
            continue
        if entry.name:
            rank = 4 if "." in entry.name else 3
            blocks.append(f'<h{rank} id="{escape(entry.name)}"><code>{escape(entry.signature)}</code></h{rank}>')
        blocks += rst_blocks(entry.text)
    return blocks


@lru_cache(maxsize=1)
def language_reference(path: Path) -> dict[str, str]:
    """The topics of the Python language reference that ``pydoc`` shows (``pydoc_data/topics.py``), by name."""
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            return {str(name): str(text) for name, text in ast.literal_eval(node.value).items()}
    return {}
