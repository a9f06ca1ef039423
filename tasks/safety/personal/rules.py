"""How a rule for a number of one form is made: a pattern, a check, and words near by that say what the number is.

The score of a finding is ``labelled`` where one of ``words`` stands within 48 characters before it or 24 after
it on its line, else ``bare``; a score of 0 is no finding. ``against`` are words directly before a number which
say that it is something else (an order, a version, a book): then it is no finding unless a word of its own
stands there too. Scores are set by hand from what the rules find in real text; docs/safety.md has the
precision of each kind.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding

BEFORE, AFTER = 48, 24
LEFT = r"(?<![0-9A-Za-z_])(?<![0-9A-Za-z][.\-/])"
RIGHT = r"(?![0-9A-Za-z_])(?![.\-/][0-9])(?!-[A-Za-z])"
"""A number that is not a part of a longer number, a name, a path or an identifier such as a UUID."""
AGAINST = (
    "order",
    "order no",
    "order number",
    "order id",
    "tracking",
    "invoice",
    "isbn",
    "issn",
    "doi",
    "version",
    "build",
    "commit",
    "serial",
    "ticket",
    "transaction",
    "uuid",
    "guid",
    "sku",
    "upc",
    "ean",
    "pmid",
    "arxiv",
    "bug",
    "issue",
    "订单",
    "订单号",
    "流水号",
    "流水",
    "单号",
    "快递",
    "运单",
    "版本",
    "编号",
    "序列号",
    "书号",
    "条码",
    "批号",
    "货号",
    "发票",
)


def words_pattern(words: Iterable[str]) -> str:
    """One expression for any of ``words``; those in Latin letters stand alone. For Hyperscan and ``re.ASCII``."""
    escaped = sorted((word.replace(".", r"\.") for word in words), key=len, reverse=True)
    latin, other = ([word for word in escaped if word[:1].isascii() == plain] for plain in (True, False))
    parts = [rf"\b(?:{'|'.join(latin)})\b"] if latin else []
    return f"(?:{'|'.join([*parts, *other])})"


def any_of(words: Iterable[str]) -> re.Pattern[str]:
    """The same, compiled, in capitals or not."""
    return re.compile(words_pattern(words), re.IGNORECASE | re.ASCII)


def in_bytes(expression: str) -> str:
    """``expression`` with the UTF-8 of its characters outside ASCII written out, so that Hyperscan reads bytes.

    Many times faster to compile than UTF-8 mode. No such character may stand in a class or before a quantifier.
    """
    return "".join(
        character if character.isascii() else "".join(f"\\x{byte:02x}" for byte in character.encode())
        for character in expression
    )


def labelled(words: Iterable[str], first: str = "[0-9]", gap: int = 20) -> tuple[str, ...]:
    """Expressions of Hyperscan: one of ``words``, then within ``gap`` bytes what the number begins with."""
    escaped = [word.replace(".", r"\.") for word in words]
    latin, other = ([word for word in escaped if word.isascii() == plain] for plain in (True, False))
    rest = rf"[^0-9\n]{{0,{gap}}}{first}"
    parts = [rf"(?i)\b(?:{'|'.join(latin)})\b{rest}"] if latin else []
    return (*parts, rf"(?:{in_bytes('|'.join(other))}){rest}") if other else tuple(parts)


def near(text: str, start: int, end: int, words: re.Pattern[str], bounds: tuple[int, int]) -> bool:
    """Whether ``words`` match shortly before ``start``, or after ``end`` on the same line, within ``bounds``."""
    if words.search(text, max(start - BEFORE, bounds[0]), start):
        return True
    line = text.find("\n", end, min(end + AFTER, bounds[1]))
    return words.search(text, end, line if line >= 0 else min(end + AFTER, bounds[1])) is not None


def just_before(text: str, start: int, words: re.Pattern[str], begin: int) -> bool:
    """Whether the last of ``words`` ends at most 8 characters before ``start``."""
    return any(start - match.end() <= 8 for match in words.finditer(text, max(start - 32, begin), start))


_AGAINST = any_of(AGAINST)
_OF_LINKS = tuple("=/#%&?$~^")


@dataclass(frozen=True)
class NumberRule:
    """A number of one form. ``may_hold``, ``pattern`` and ``valid`` see folded text; ``valid`` the match alone."""

    name: str
    version: int
    kind: FindingKind
    may_hold: tuple[str, ...]
    pattern: re.Pattern[str]
    valid: Callable[[str], bool]
    words: tuple[str, ...]
    bare: float
    labelled: float

    def detector(self) -> Detector:
        """The detector of the rule."""
        words = any_of(self.words)

        def find(text: str, start: int, end: int) -> Iterator[Finding]:
            for match in self.pattern.finditer(text, start, end):
                score = self._score(text, match, words, (start, end))
                if score and self.valid(match.group()):
                    yield Finding(match.start(), match.end(), self.kind, score, self.name)

        return Detector(self.name, self.version, (self.kind,), self.may_hold, find, reach=(96, 72), folded=True)

    def _score(self, text: str, match: re.Match[str], words: re.Pattern[str], bounds: tuple[int, int]) -> float:
        if near(text, match.start(), match.end(), words, bounds):
            return self.labelled
        return self.bare and (0.0 if contradicted(text, match.start(), bounds[0]) else self.bare)


def digits_of(number: str) -> str:
    """The letters and digits of ``number``, capitals."""
    return re.sub(r"[^0-9A-Za-z]", "", number).upper()


def contradicted(text: str, start: int, begin: int) -> bool:
    """Whether what stands before ``start`` says that the number is an order, a version, a book, a part of a link ..."""
    return text[max(start - 1, begin) : start] in _OF_LINKS or just_before(text, start, _AGAINST, begin)
