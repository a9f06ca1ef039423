"""Kinds of findings by name, as people give them."""

from collections.abc import Iterable

from gristmill.core.config import did_you_mean
from gristmill.core.errors import UsageError
from gristmill.schemas.findings import GROUPS, FindingGroup, FindingKind
from gristmill.tasks.safety.registry import DETECTORS


def kinds_of(names: Iterable[str]) -> tuple[FindingKind, ...]:
    """The kinds called ``names``, each a kind or a group, each kind once.

    Raises :class:`UsageError` for a name that is neither, and for a kind that no detector finds in a text alone.
    """
    known = {kind for entry in DETECTORS for kind in entry.kinds}
    choices: list[str] = [*(group for group in FindingGroup if known & set(GROUPS[group])), *sorted(known)]
    found: dict[FindingKind, None] = {}
    for name in names:
        if name not in choices:
            raise UsageError(f"there is no kind of finding {name!r}{did_you_mean(name, choices)}: {', '.join(choices)}")
        members = GROUPS[FindingGroup(name)] if name in tuple(FindingGroup) else (FindingKind(name),)
        found |= dict.fromkeys(kind for kind in members if kind in known)
    return tuple(found)
