"""Words as spaCy 3.8 cuts them in Arabic, French, German, Russian, Spanish and by its default rules, without spaCy.

Source: spaCy's ``tokenizer.pyx`` (MIT); the rules are in ``gristmill.tasks.tokenization.spacy_rules``. The text
between white space is a chunk, and is cut separately: prefixes and suffixes come off one at a time until nothing
matches or the rest is a special case; the rest is cut at infixes unless it is a web address; then sequences of tokens
that together are a special case (``z.B.`` inside ``(z.B.)``) are joined. A special case may also span chunks (``EE.
UU.``).

Chunks repeat, so each distinct one is cut once and remembered (``kernels.tokens.distinct_chunks`` finds them). Cost:
about 20 MB/s a core for chunks seen before, 20 microseconds for each new one; memory is 200 bytes for each distinct
chunk of a shard.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.tokens.distinct_chunks import chunk_hashes, expand
from gristmill.tasks.tokenization.spacy_rules import Rules, rules_of, web_address

Codes = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int64]

REACH = 24  # characters before the end that decide about a suffix, unless it is a run of full stops
WHOLE_NEEDS = re.compile(r"['’\-–—‐‑]")
SUFFIX_NEEDS = re.compile(r"[0-9'’\-–—‐‑²³]")  # without one of these no suffix ends in a letter or digit


@dataclass
class Cutter:
    """Cuts texts of one language (see ``rules_of``), and remembers the lengths of each chunk's tokens."""

    language: str
    known: dict[int, int] = field(default_factory=dict)
    lengths: list[tuple[int, ...]] = field(default_factory=list)

    def cut(self, text: str, codes: Codes) -> tuple[Places, Places]:
        """Start and end of every token of ``text``, whose code points are ``codes``."""
        rules = rules_of(self.language)
        first, last, hashes = chunk_hashes(codes, _spaces())
        distinct, example, which = np.unique(hashes, return_index=True, return_inverse=True)
        numbers = np.empty(len(distinct), np.int64)
        bounds = zip(distinct.tolist(), first[example].tolist(), last[example].tolist(), strict=True)
        for place, (key, begin, end) in enumerate(bounds):
            number = self.known.get(key)
            if number is None:
                number = self.known[key] = len(self.lengths)
                self.lengths.append(tuple(map(len, cut_chunk(text[begin:end], rules))))
            numbers[place] = number
        pieces = [self.lengths[number] for number in numbers.tolist()]
        counts = np.fromiter(map(len, pieces), np.int64, len(pieces))
        flat = np.fromiter((length for lengths in pieces for length in lengths), np.int64, int(counts.sum()))
        offsets = np.cumsum(counts) - counts
        start, end = expand(first, which, counts, offsets, flat)
        return self._across_chunks(text, rules, start, end)

    def _across_chunks(self, text: str, rules: Rules, start: Places, end: Places) -> tuple[Places, Places]:
        """Make one token of the special cases with a space that came apart as spaCy expects."""
        pattern, pieces = _spaced(self.language)
        if pattern is None or pattern.search(text) is None:
            return start, end
        keep_start, keep_end = np.ones(len(start), np.bool_), np.ones(len(end), np.bool_)
        for found in pattern.finditer(text):
            left = int(np.searchsorted(start, found.start()))
            tokens = pieces[found.group()]
            right = left + len(tokens)
            bounds = zip(start[left:right].tolist(), end[left:right].tolist(), strict=True)
            if left < len(start) and start[left] == found.start() and tokens == [text[a:b] for a, b in bounds]:
                keep_start[left + 1 : right] = False
                keep_end[left : right - 1] = False
        return start[keep_start], end[keep_end]


def cut_chunk(chunk: str, rules: Rules) -> tuple[str, ...]:
    """Tokens of one chunk."""
    special = rules.specials.get(chunk)
    if special is not None:
        return special
    if chunk.isalpha():
        return (chunk,)
    return _put_right(_cut(chunk, rules, rules.specials), rules)


def _cut(chunk: str, rules: Rules, specials: dict[str, tuple[str, ...]]) -> list[str]:
    """Affixes off, then infixes; the special cases ``specials`` stop both."""
    front: list[str] = []
    back: list[str] = []
    middle = chunk
    size = -1
    while middle and len(middle) != size:
        if _is_whole(middle, rules) or middle in specials:
            break
        size = len(middle)
        before = _prefix(middle, rules)
        if before and middle[before:] in specials:
            front.append(middle[:before])
            middle = middle[before:]
            break
        after = _suffix(middle[before:], rules)
        if after and middle[:-after] in specials:
            back.append(middle[-after:])
            middle = middle[:-after]
            break
        if before and after and before + after <= size:
            front.append(middle[:before])
            back.append(middle[-after:])
            middle = middle[before:-after]
        elif before:
            front.append(middle[:before])
            middle = middle[before:]
        elif after:
            back.append(middle[-after:])
            middle = middle[:-after]
    return front + _inside(middle, rules, specials) + back[::-1]


def _is_whole(chunk: str, rules: Rules) -> bool:
    """Whether the language keeps ``chunk`` whole; all such words have a hyphen or an apostrophe."""
    return rules.whole is not None and WHOLE_NEEDS.search(chunk) is not None and rules.whole.match(chunk) is not None


def _prefix(chunk: str, rules: Rules) -> int:
    """Characters that come off the front. A letter or digit there does only before $ or an apostrophe."""
    if chunk[0].isalnum() and not any(mark in chunk for mark in "$'’"):
        return 0
    found = rules.prefix.match(chunk)
    return found.end() if found else 0


def _suffix(chunk: str, rules: Rules) -> int:
    """Characters that come off the back. The expression is slow, so it sees only what can match."""
    if not chunk or (chunk[-1].isalnum() and not SUFFIX_NEEDS.search(chunk)):
        return 0
    found = rules.suffix.search(chunk if ".." in chunk else chunk[-REACH:])
    return len(found.group()) if found else 0


def _inside(middle: str, rules: Rules, specials: dict[str, tuple[str, ...]]) -> list[str]:
    """What is left between the affixes, cut at infixes."""
    if not middle:
        return []
    if middle in specials:
        return list(specials[middle])
    if middle.isalnum() or _is_whole(middle, rules) or ("." in middle and web_address().match(middle)):
        return [middle]
    tokens = []
    place = 0
    for found in rules.infix.finditer(middle):
        if found.start() == 0:
            continue
        tokens += [middle[place : found.start()], found.group()]
        place = found.end()
    return [token for token in (*tokens, middle[place:]) if token]


def _put_right(tokens: list[str], rules: Rules) -> tuple[str, ...]:
    """Special cases that came apart among other tokens, put together or cut as it says; longest first."""
    if len(tokens) < 2 or _firsts(rules.language).isdisjoint(tokens):
        return tuple(tokens)
    pieces = _pieces(rules.language)
    taken: set[int] = set()
    changes: dict[int, tuple[int, tuple[str, ...]]] = {}
    for size in range(min(len(tokens), 6), 0, -1):
        for first in range(len(tokens) - size + 1):
            special = pieces.get(tuple(tokens[first : first + size]))
            if special is not None:
                if first not in taken and first + size - 1 not in taken:
                    changes[first] = (size, special)
                taken.update(range(first, first + size))
    result: list[str] = []
    place = 0
    while place < len(tokens):
        size, special = changes.get(place, (1, (tokens[place],)))
        result += special
        place += size
    return tuple(result)


@lru_cache(maxsize=8)
def _pieces(language: str) -> dict[tuple[str, ...], tuple[str, ...]]:
    """The special cases that affixes would cut: their tokens without the special case, and with it."""
    rules = rules_of(language)
    cut_up = (rules.prefix.search, rules.suffix.search, rules.infix.search)
    return {
        tuple(_cut(chunk, rules, {})): tokens
        for chunk, tokens in rules.specials.items()
        if " " not in chunk and any(search(chunk) for search in cut_up)
    }


@lru_cache(maxsize=8)
def _firsts(language: str) -> frozenset[str]:
    """The first tokens of those."""
    return frozenset(tokens[0] for tokens in _pieces(language))


@lru_cache(maxsize=8)
def _spaced(language: str) -> tuple[re.Pattern[str] | None, dict[str, list[str]]]:
    """An expression for the special cases with a space, and the tokens of each without the special case."""
    rules = rules_of(language)
    chunks = sorted((chunk for chunk in rules.specials if " " in chunk), key=len, reverse=True)
    pieces = {chunk: [token for part in chunk.split(" ") for token in _cut(part, rules, {})] for chunk in chunks}
    return re.compile("|".join(map(re.escape, chunks))) if chunks else None, pieces


@lru_cache(maxsize=1)
def _spaces() -> npt.NDArray[np.bool_]:
    """Which code points below U+3001 are white space."""
    return np.array([chr(code).isspace() for code in range(0x3001)])
