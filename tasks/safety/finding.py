"""A finding, and the detector that finds: what every rule of the safety review is made of.

All detectors look at the texts of a slice joined into one string. A detector names cheap expressions that hold wherever
a finding may be (``may_hold``); the engine (:mod:`gristmill.tasks.safety.engine`) searches the expressions of all
detectors at once and calls ``find`` with the bounds of each region that is worth a look.
"""

from bisect import bisect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from gristmill.schemas.findings import FindingGroup, FindingKind


class Finding(NamedTuple):
    """Code points ``start`` to ``end`` are a ``kind`` with confidence ``score`` (0 to 1), by the rule ``detector``.

    A detector of many rules may name the rule after a slash: ``kingfisher/github-pat``.
    """

    start: int
    end: int
    kind: FindingKind
    score: float
    detector: str


Find = Callable[[str, int, int], Iterable[Finding]]
"""``find(text, start, end)``: the findings in ``text[start:end]``, with offsets into ``text``.

``text`` is many documents with line feeds between them. The region lies inside one of them and is not cut inside of
what the detector's ``reach`` covers; a detector may look around it for context. Time linear in the region.
"""


@dataclass(frozen=True)
class Detector:
    """A rule that finds. Identity is ``name`` and ``version``: raise the version when it finds something else.

    ``may_hold``: Hyperscan expressions over UTF-8; where none matches, ``find`` is never called. In them ``.`` is a
    byte and ``\\b`` and ``\\w`` are ASCII, unless an expression holds a character outside ASCII or ``\\x{..}``: then
    they are in UTF-8 mode. An expression should end soon: each place where a match ends costs 0.4 microseconds.
    ``reach``: how many characters before and after the end of such a match belong to the region; None: the document.
    ``folded``: look at the text as :mod:`gristmill.tasks.safety.fold` folds it; offsets are those of the original.
    """

    name: str
    version: int
    kinds: tuple[FindingKind, ...]
    may_hold: tuple[str, ...]
    find: Find
    reach: tuple[int, int] | None = None
    folded: bool = False

    @property
    def label(self) -> str:
        """What a configuration calls it."""
        return f"{self.name}@{self.version}"


def strongest(findings: Iterable[Finding]) -> list[Finding]:
    """The findings in order of place, without those that overlap a stronger one of their group.

    Stronger is the higher score, then the longer span, then the earlier one, then the kind that comes first in the list
    of kinds. Findings of different groups may overlap: a key inside a hidden text is both. Cost: sorting.
    """
    taken: dict[FindingGroup, list[tuple[int, int]]] = {group: [] for group in FindingGroup}
    kept = []
    for finding in sorted(findings, key=_strength):
        spans = taken[_GROUP_OF[finding.kind]]
        place = bisect(spans, (finding.start, finding.end))
        before, after = spans[place - 1 : place] if place else [], spans[place : place + 1]
        if all(end <= finding.start for _, end in before) and all(finding.end <= start for start, _ in after):
            spans.insert(place, (finding.start, finding.end))
            kept.append(finding)
    return sorted(kept)


_PLACE_OF = {kind: place for place, kind in enumerate(FindingKind)}
_GROUP_OF = {kind: kind.group for kind in FindingKind}


def _strength(finding: Finding) -> tuple[float, int, int, int]:
    return (-finding.score, finding.start - finding.end, finding.start, _PLACE_OF[finding.kind])
