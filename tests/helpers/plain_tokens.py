"""spaCy's English tokenizer in plain Python with regular expressions, to judge the compiled one by.

The steps are those of ``spacy/tokenizer.pyx`` 3.8, the expressions those of ``spacy/lang/punctuation.py`` over the
character classes of ``gristmill.tasks.text.characters``; benchmarks hold the compiled one against spaCy itself.
"""

import re
from functools import lru_cache

from gristmill.tasks.kernels.tokens.whitespace_split import ALPHA, LOWER, UPPER
from gristmill.tasks.text.characters import (
    CASED,
    CURRENCIES,
    DASHES,
    ICONS,
    PREFIXES,
    PUNCTUATION,
    QUOTES,
    TITLE_CASE,
    UNCASED,
    UNITS,
    character_table,
)
from gristmill.tasks.tokenization.special_cases import special_cases


def _group(characters: frozenset[str]) -> str:
    """The inside of a character class, as ranges."""
    codes = sorted(map(ord, characters))
    first = [code for code in codes if chr(code - 1) not in characters]
    last = [code for code in codes if chr(code + 1) not in characters]
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in zip(first, last, strict=True))


def _letters(bit: int) -> str:
    return _group(frozenset(letter for letter in CASED | UNCASED | TITLE_CASE if character_table()[ord(letter)] & bit))


A, AL, AU, Q = _letters(ALPHA), _letters(LOWER), _letters(UPPER), _group(QUOTES)
P = _group(PUNCTUATION)
MARKS = f"[{_group(PUNCTUATION | QUOTES | DASHES | ICONS)}]"
CURRENCY = rf"(?:US\$|C\$|A\$|[{_group(CURRENCIES)}])"
PREFIX = re.compile(rf"{MARKS}|[{_group(PREFIXES)}]|\+(?![0-9])|\.\.+|{CURRENCY}")
SUFFIX = re.compile(
    rf"(?:……|\.\.+|['’][sS]|(?<=[0-9])(?:\+|{CURRENCY}|{'|'.join(map(re.escape, sorted(UNITS)))})|(?<=°[FfCcKk])\."
    rf"|(?<=[0-9{AL}%²\-+|{P}{Q}])\.|(?<=[{AU}][{AU}])\.|{MARKS})$"
)
HYPHENS = "(?:-|–|—|--|---|——|~)"
INFIX = re.compile(
    rf"\.\.+|…|[{_group(ICONS)}]|(?<=[0-9])[+\-*^](?=[0-9-])|(?<=[{AL}{Q}])\.(?=[{AU}{Q}])|(?<=[{A}]),(?=[{A}])"
    rf"|(?<=[{A}0-9]){HYPHENS}(?=[{A}])|(?<=[{A}0-9])[:<>=/](?=[{A}])"
)
X = "A-Za-z0-9\u00a1-\uffff"
ADDRESS = re.compile(
    rf"(?:[\w+\-.]{{2,}}://)?(?:\S+(?::\S*)?@)?(?:(?!(?:10|127)(?:\.[0-9]{{1,3}}){{3}})"
    rf"(?!(?:169\.254|192\.168)(?:\.[0-9]{{1,3}}){{2}})(?!172\.(?:1[6-9]|2[0-9]|3[01])(?:\.[0-9]{{1,3}}){{2}})"
    r"(?:[1-9][0-9]?|1[0-9][0-9]|2[01][0-9]|22[0-3])(?:\.(?:1?[0-9]{1,2}|2[0-4][0-9]|25[0-5])){2}"
    r"\.(?:[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-4])"
    rf"|(?:(?:[{X}][{X}_-]{{0,62}})?[{X}]\.)+[{AL}]{{2,63}})(?::[0-9]{{2,5}})?(?:[/?#]\S*)?"
)


def plain_words(text: str) -> list[str]:
    """The tokens of one text that are no white space."""
    words: list[str] = []
    gaps: list[str] = []  # what stands before each token
    done = 0
    for match in re.finditer(r"\S+", text.translate(_PYTHON_SPACES)):
        chunk = text[match.start() : match.end()]
        found = _split(chunk, special_cases())
        gaps += [text[done : match.start()], *[""] * (len(found) - 1)]
        words += found
        done = match.end()
    return _put_together(words, gaps)


_PYTHON_SPACES = {code: " " for code in range(0x3001) if chr(code).isspace()}


def _split(chunk: str, cases: dict[str, tuple[str, ...]]) -> list[str]:
    prefixes: list[str] = []
    suffixes: list[str] = []
    while chunk and chunk not in cases:
        prefix, rest = _prefix(chunk), chunk[_prefix(chunk) :]
        if prefix and rest in cases:
            prefixes.append(chunk[:prefix])
            chunk = rest
            break
        suffix = _suffix(rest)
        if suffix and chunk[:-suffix] in cases:
            suffixes.append(chunk[-suffix:])
            chunk = chunk[:-suffix]
            break
        if not prefix and not suffix:
            break
        prefixes += [chunk[:prefix]] * bool(prefix)
        suffixes += [chunk[len(chunk) - suffix :]] * bool(suffix)
        chunk = chunk[prefix : len(chunk) - suffix]
    middle = cases.get(chunk) or (tuple(_cut(chunk)) if chunk else ())
    return [*prefixes, *middle, *reversed(suffixes)]


def _prefix(chunk: str) -> int:
    match = PREFIX.match(chunk)
    return match.end() if match else 0


def _suffix(chunk: str) -> int:
    match = SUFFIX.search(chunk)
    return len(chunk) - match.start() if match else 0


def _cut(word: str) -> list[str]:
    if ADDRESS.fullmatch(word):
        return [word]
    pieces, done = [], 0
    for match in INFIX.finditer(word):
        if match.start() > 0:
            pieces += [word[done : match.start()], match.group()]
            done = match.end()
    return [piece for piece in [*pieces, word[done:]] if piece]


@lru_cache(maxsize=1)
def _runs() -> dict[tuple[str, ...], str]:
    """What the rules alone make of each special case."""
    runs = {tuple(_split(case, {})): case for case in special_cases()}
    return {run: case for run, case in runs.items() if len(run) > 1}


def _put_together(words: list[str], gaps: list[str]) -> list[str]:
    found = []
    for first in range(len(words)):
        for stop in range(first + 2, min(first + 11, len(words)) + 1):
            if gaps[stop - 1] not in ("", " "):
                break
            if tuple(words[first:stop]) in _runs():
                found.append((first, stop))
    taken: set[int] = set()
    chosen = {}
    for first, stop in sorted(found, key=lambda span: (span[0] - span[1], span[0])):
        if first not in taken and stop - 1 not in taken:
            chosen[first] = stop
        taken |= set(range(first, stop))
    result: list[str] = []
    place = 0
    while place < len(words):
        stop = chosen.get(place, 0)
        if stop and not any(gaps[place + 1 : stop]):
            result += special_cases()[_runs()[tuple(words[place:stop])]]
            place = stop
        else:
            result.append(words[place])
            place += 1
    return result
