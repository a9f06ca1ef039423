"""Open the lake of a verb that needs an existing one, or say how to make one."""

from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.core.errors import UsageError
from gristmill.core.hints import on_lake

if TYPE_CHECKING:
    from gristmill.core.lake import Lake


def existing(root: Path) -> "Lake":
    """The lake at ``root``, which must exist: a wrong path must not create a new lake. Raises :class:`UsageError`."""
    if not (root / "lake.json").is_file():
        raise UsageError(
            f"--lake {root}: there is no lake here. {on_lake('gristmill demo', root)} makes one to look at."
        )
    from gristmill.core.lake import Lake

    return Lake.open(root)
