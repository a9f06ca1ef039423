"""Parts of messages: commands ready to paste, and the first few of many names."""

import shlex
from collections.abc import Sequence
from pathlib import Path


def on_lake(command: str, root: Path) -> str:
    """``command`` with its ``--lake``, quoted for a shell."""
    return f"{command} --lake {shlex.quote(str(root))}"


def some_of(names: Sequence[str], most: int) -> str:
    """The first ``most`` of ``names``, and how many more there are, to end a sentence with."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
