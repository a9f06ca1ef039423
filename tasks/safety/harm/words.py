"""Word lists as detectors: entries found in folded text (Aho-Corasick), with exact places in the original and a score.

The score of a hit is the weight of its entry, lowered where the form is an evasion (somebody may have written it by
accident) and by the words around it (:mod:`gristmill.tasks.safety.harm.context`). A Latin form has to be a word of its
own. Of two hits in one place the step keeps the stronger.

Our own lists are short (``lists/``). A list by path is in the same form, or one entry a line as LDNOOBW has it
(github.com/LDNOOBW, CC-BY-4.0), whose entries are ``sexual`` with weight 0.5: nearly all of them are.

Cost: the prefilter's, and 100 microseconds for each region that may hold something; a text of nothing but hits takes
about 1 MB/s.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import ahocorasick

from gristmill.core.errors import UsageError
from gristmill.schemas.findings import FindingGroup, FindingKind
from gristmill.tasks.safety.finding import Detector, Finding
from gristmill.tasks.safety.harm.context import Context
from gristmill.tasks.safety.harm.fold import FoldedText, fold
from gristmill.tasks.safety.harm.variants import EVADED, expression, forms, is_latin, literal, stars

LISTS = Path(__file__).parent / "lists"
EVASION = 0.9
LONGEST = 200  # characters of the original that a form may take with what stands between its letters
PLAIN_KIND, PLAIN_WEIGHT = FindingKind.SEXUAL, 0.5


@dataclass(frozen=True, slots=True)
class HarmEntry:
    """An entry of a list: ``word``, its kind and weight, whether it takes endings, and its listed variants."""

    word: str
    kind: FindingKind
    weight: float
    endings: bool = False
    variants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Form:
    text: str
    kind: FindingKind
    weight: float
    latin: bool


def read_entries(path: Path) -> tuple[HarmEntry, ...]:
    """The entries of a list. Raises :class:`UsageError` for a file that is not there, is empty, or has a wrong line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: this word list cannot be read: {error}") from error
    entries = [
        _entry(line.strip(), f"{path}, line {number}")
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.startswith("#")
    ]
    if not entries:
        raise UsageError(f"{path}: this word list has no entry. Write one a line.")
    return tuple(entries)


def _entry(line: str, where: str) -> HarmEntry:
    parts = line.split("\t")
    if len(parts) == 1:
        return HarmEntry(line.lower(), PLAIN_KIND, PLAIN_WEIGHT)
    try:
        kind, weight, words = FindingKind(parts[0]), float(parts[1]), parts[2]
    except (ValueError, IndexError) as error:
        raise UsageError(
            f"{where}: write kind, weight and entry with tabs between, or the entry alone: {error}"
        ) from error
    if kind.group is not FindingGroup.HARM or not 0 < weight <= 1:
        kinds = ", ".join(kind for kind in FindingKind if kind.group is FindingGroup.HARM)
        raise UsageError(f"{where}: the kind is one of {kinds}, and the weight above 0 and up to 1")
    word, _, variants = words.partition("|")
    return HarmEntry(word.strip().rstrip("+"), kind, weight, word.strip().endswith("+"), tuple(variants.split()))


@dataclass
class HarmWords:
    """The entries of a list, and the name under which their hits go."""

    name: str
    entries: tuple[HarmEntry, ...]

    @cached_property
    def automaton(self) -> ahocorasick.Automaton:
        """The forms of all entries; of equal forms the heaviest."""
        automaton = ahocorasick.Automaton()
        for form in sorted(_forms(self.entries), key=lambda form: form.weight):
            automaton.add_word(form.text, form)
        automaton.make_automaton()
        return automaton

    def find(self, text: str, start: int, end: int) -> Iterator[Finding]:
        """The hits in ``text[start:end]``."""
        folded = fold(text[start:end])
        hits = [(place, form) for place, form in self.automaton.iter(folded.text) if _is_word(folded, place, form)]
        if not hits:
            return
        context = Context(text, start, end)
        for place, form in hits:
            first = start + int(folded.offsets[place - len(form.text) + 1])
            last = start + int(folded.offsets[place]) + 1
            if last - first > LONGEST:
                continue
            written = text[first:last].lower()
            weight = form.weight if written == form.text else form.weight * EVASION
            score = weight * context.factor(first, last, han=not form.latin)
            yield Finding(first, last, form.kind, round(score, 4), self.name)


def _forms(entries: tuple[HarmEntry, ...]) -> Iterator[_Form]:
    for entry in entries:
        latin = is_latin(entry.word)
        for form, evaded in forms(entry.word, endings=entry.endings):
            yield _Form(form, entry.kind, entry.weight * (EVASION if evaded else 1.0), latin)
        for variant in entry.variants:
            plain = fold(variant).text
            yield _Form(plain, entry.kind, entry.weight * EVASION, is_latin(plain))


def _is_word(folded: FoldedText, place: int, form: _Form) -> bool:
    """Whether a Latin form begins and ends where a word does; Chinese has no such bounds."""
    first = place - len(form.text) + 1
    text, offsets = folded.text, folded.offsets
    if form.text[0].isascii() and first and _letter(text[first - 1]) and offsets[first] - offsets[first - 1] == 1:
        return False
    after = place + 1
    return not (
        form.text[-1].isascii() and after < len(text) and _letter(text[after]) and offsets[after] - offsets[place] == 1
    )


def _letter(character: str) -> bool:
    return character.isascii() and character.isalnum()


def detector(name: str, version: int, entries: tuple[HarmEntry, ...]) -> Detector:
    """The detector of a list."""
    return Detector(
        name=name,
        version=version,
        kinds=tuple(sorted({entry.kind for entry in entries}, key=list(FindingKind).index)),
        may_hold=(*EVADED, *sorted(set(_expressions(entries)))),
        find=HarmWords(name, entries).find,
        reach=(LONGEST, LONGEST),
    )


def _expressions(entries: tuple[HarmEntry, ...]) -> Iterator[str]:
    for entry in entries:
        yield expression(entry.word, endings=entry.endings)
        if is_latin(entry.word) and entry.word.isalpha() and len(entry.word) > 3:
            yield literal(stars(entry.word))
        for variant in entry.variants:
            yield literal(variant) if is_latin(variant) else expression(variant, endings=False)
        if not is_latin(entry.word):
            yield from (literal(form) for form, evaded in forms(entry.word, endings=False) if evaded)


DETECTORS: tuple[Detector, ...] = tuple(
    detector(f"words:{name}", 1, read_entries(LISTS / f"{name}.txt")) for name in ("en", "zh")
)
"""Those of the lists that come with the project."""
