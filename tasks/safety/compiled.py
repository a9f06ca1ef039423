"""Hyperscan's automaton for a list of expressions, compiled once on a machine.

Some hundred expressions take 2 to 4 s of processor to compile and nothing to load, and every process of a run needs
them. So the automaton is kept in the user's cache folder (``XDG_CACHE_HOME`` or ``~/.cache``), under a name made of the
expressions, their flags and the library's version. It carries its own checksum, and a processor that it was not made
for refuses it; then, or where the folder cannot be written, it is compiled again.
"""

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import hyperscan

from gristmill.core.digests import digest_text
from gristmill.core.errors import GristmillError

WORTH_KEEPING = 12


def compiled(expressions: Sequence[str]) -> Any:
    """A database of ``expressions``, each by its place, in block mode.

    Raises :class:`GristmillError` for an expression that Hyperscan refuses: a fault of the detector.
    """
    if not expressions:
        return hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = [_flags(expression) for expression in expressions]
    path = _kept(expressions, flags) if len(expressions) >= WORTH_KEEPING else None
    found = _loaded(path) if path is not None else None
    if found is not None:
        return found
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(
            expressions=[expression.encode() for expression in expressions],
            ids=list(range(len(expressions))),
            flags=flags,
        )
    except hyperscan.error as error:
        raise GristmillError(f"an expression of a detector cannot be compiled: {error}") from error
    if path is not None:
        _keep(path, hyperscan.dumpb(database))
    return database


def _flags(expression: str) -> int:
    wide = not expression.isascii() or "\\x{" in expression
    return int(hyperscan.HS_FLAG_UTF8) if wide else 0


def _kept(expressions: Sequence[str], flags: Sequence[int]) -> Path:
    name = digest_text("\n".join([version("hyperscan"), repr(list(zip(expressions, flags, strict=True)))]))
    folder = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(folder).expanduser() / "gristmill" / f"detectors-{name}.hyperscan"


def _loaded(path: Path) -> Any | None:
    """The automaton in ``path``; None when there is none, or one that cannot be used here."""
    try:
        database = hyperscan.loadb(path.read_bytes(), hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
        database.scan(b"-", match_event_handler=lambda *_: None)
    except (OSError, hyperscan.error):
        return None
    return database


def _keep(path: Path, data: bytes) -> None:
    with suppress(OSError):  # without a cache folder every process compiles
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(path)
