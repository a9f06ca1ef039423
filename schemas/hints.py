"""Commands that a hint tells people to type, complete enough to be copied."""

import shlex
from pathlib import Path


def on_lake(command: str, root: Path) -> str:
    """``command`` with the ``--lake`` that it is about, quoted for a shell."""
    return f"{command} --lake {shlex.quote(str(root))}"
