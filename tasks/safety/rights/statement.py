"""One statement about training on a document: who made it, what it says, and the line that says it, as it stands.

Several statements combine as draft-ietf-aipref-vocab (section 7.1) combines them: the most restrictive wins.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

MOST_EVIDENCE = 300  # code points of a line that are kept


class RightsSource(StrEnum):
    """Where a statement is from. The order is the one in which evidence is shown: what is nearest to the page first."""

    CONTENT_USAGE = "header:content-usage"
    CONTENT_SIGNAL = "header:content-signal"
    X_ROBOTS_TAG = "header:x-robots-tag"
    TDM_HEADER = "header:tdm-reservation"
    META_ROBOTS = "meta:robots"
    META_TDM = "meta:tdm-reservation"
    TDMREP = "tdmrep.json"
    AI_TXT = "ai.txt"
    ROBOTS_USAGE = "robots.txt:content-usage"
    ROBOTS_SIGNAL = "robots.txt:content-signal"
    ROBOTS_AI = "robots.txt:ai-agents"
    ROBOTS_ALL = "robots.txt:all-agents"


ORDER = tuple(RightsSource)


@dataclass(frozen=True, slots=True)
class Statement:
    """``allows``: whether training is allowed. ``line``: the line that says so, as it stands, cut to 300 characters."""

    source: RightsSource
    allows: bool
    line: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What all statements come to. ``decisive``: the one whose evidence is kept, None without any; ``sources``: every
    source that says the same as the decision, in the order of :class:`RightsSource`."""

    reserved: bool
    allowed: bool
    decisive: Statement | None
    sources: tuple[RightsSource, ...]


NO_STATEMENT = Decision(False, False, None, ())


def statement(source: RightsSource, allows: bool, line: str) -> Statement:
    """A statement with its line on one line, and cut."""
    return Statement(source, allows, " ".join(line.split())[:MOST_EVIDENCE])


def combined(statements: Iterable[Statement]) -> Decision:
    """The most restrictive of ``statements``."""
    given: Sequence[Statement] = sorted(statements, key=lambda each: ORDER.index(each.source))
    if not given:
        return NO_STATEMENT
    reserved = not all(each.allows for each in given)
    same = [each for each in given if each.allows is not reserved]
    sources = tuple(dict.fromkeys(each.source for each in same))
    return Decision(reserved, not reserved, same[0], sources)
