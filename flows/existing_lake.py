"""The lake that a verb asks, which must be there."""

from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.core.errors import UsageError
from gristmill.core.hints import on_lake

if TYPE_CHECKING:
    from gristmill.core.lake import Lake


def existing(root: Path) -> "Lake":
    """The lake at ``root``, which must be there: asking one that is not is a slip, not a wish for a new one."""
    if not (root / "lake.json").is_file():
        raise UsageError(
            f"--lake {root}: there is no lake here. {on_lake('gristmill demo', root)} makes one to look at."
        )
    from gristmill.core.lake import Lake

    return Lake.open(root)
