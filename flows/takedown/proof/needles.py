"""What a search looks for: passages of text, values and addresses, in every form in which a file may hold them.

A *passage* is a piece of a line of a document, a *value* a line of a file that somebody named, an *address* that of a
page or a host. Each is looked for as UTF-8, UTF-16 of both orders, as JSON writes it (with and without escapes, also
inside another JSON text), as HTML and URLs escape it, and in the encodings of the pages. An address counts only where
the whole address found is the page's, so that ``/page`` is not found in ``/pages``.

Hyperscan looks for all of them at once. Cost: 1 GB a second or more, whatever their number.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from typing import Any
from urllib.parse import quote, unquote

from gristmill.core.digests import digest_text
from gristmill.core.urls import page_address, plain_host, shown_host

PASSAGE_CHARS, SHORTEST_PASSAGE = 64, 20
"""Code points of a passage, and the fewest that make one."""
PASSAGES = 3
"""Passages of one document."""
MOST_DOCUMENTS = 500
"""Documents whose passages are looked for; of more an even sample."""
SHORTEST_VALUE = 4
"""Bytes of UTF-8 in the shortest value."""
LONGEST_VALUE = 256
"""Code points of a value that are looked for at once."""
WINDOW = 4_096
"""Bytes of an address that are looked at on each side."""
ADDRESS_BYTE = rb"(?:\\/|[!#-;=?-\[\]_a-z~\x80-\xff])*"
ADDRESS_BEFORE, ADDRESS_AFTER = re.compile(ADDRESS_BYTE + rb"\Z"), re.compile(ADDRESS_BYTE)
SCHEME = re.compile(rb"https?(?::|%3[Aa])(?:\\?/|%2[Ff]){2}|(?:\\?/){2}")
LETTERS = re.compile(rb"[\w.%:@-]*\Z")
"""What may stand before the host where there is no scheme: the hosts below it, a user."""
AFTER = ".,;:!?)]'"


class NeedleKind(StrEnum):
    """What a needle is; see the module."""

    PASSAGE = "passage"
    VALUE = "value"
    ADDRESS = "address"


@dataclass(frozen=True)
class Needle:
    """What is looked for. ``name`` is shown and recorded, and tells nothing of ``text``."""

    kind: NeedleKind
    name: str
    text: str


@dataclass(frozen=True)
class Match:
    """A place in some bytes: what was found there, in which form, and where it begins and ends."""

    needle: Needle
    form: str
    start: int
    end: int


class Finder:
    """Looks for needles in bytes. ``encodings``: those of the pages, besides UTF-8 and UTF-16."""

    def __init__(self, needles: Sequence[Needle], encodings: Iterable[str] = ()) -> None:
        self.needles = tuple(needles)
        self._addresses = frozenset(needle.text for needle in needles if needle.kind is NeedleKind.ADDRESS)
        patterns: dict[bytes, tuple[Needle, str]] = {}
        for needle in needles:
            for form, pattern in forms(needle, encodings):
                patterns.setdefault(pattern, (needle, form))
        self._patterns = list(patterns)
        self._meanings = list(patterns.values())
        self.longest = max(map(len, self._patterns), default=1)
        self._database: Any = None

    def __call__(self, data: bytes | memoryview) -> list[Match]:
        """Every place in ``data``, in order of their ends."""
        return [
            match
            for match in self.candidates(data)
            if match.needle.kind is not NeedleKind.ADDRESS or self._is_address(data, match)
        ]

    def candidates(self, data: bytes | memoryview) -> list[Match]:
        """Like a call, but addresses count wherever their bytes stand, also as a part of a longer one."""
        if not self._patterns or not len(data):
            return []
        found: list[Match] = []

        def note(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            needle, form = self._meanings[number]
            found.append(Match(needle, form, end - len(self._patterns[number]), end))

        self._compiled().scan(data, match_event_handler=note)
        return found

    def _compiled(self) -> Any:
        if self._database is None:
            import hyperscan  # loads a library

            self._database = hyperscan.Database()
            expressions = ["".join(f"\\x{byte:02x}" for byte in pattern).encode() for pattern in self._patterns]
            flags = hyperscan.HS_FLAG_CASELESS
            self._database.compile(
                expressions=expressions,
                ids=list(range(len(expressions))),
                elements=len(expressions),
                flags=[flags if needle.kind is NeedleKind.ADDRESS else 0 for needle, _ in self._meanings],
            )
        return self._database

    def extent(self, data: bytes | memoryview, match: Match) -> tuple[int, int]:
        """Where a match begins and ends; of an address the whole, from its scheme to its last letter."""
        if match.needle.kind is not NeedleKind.ADDRESS or match.form.startswith("utf-16"):
            return match.start, match.end
        low = max(match.start - WINDOW, 0)
        begin = ADDRESS_BEFORE.search(bytes(data[low : match.start]))
        end = ADDRESS_AFTER.match(bytes(data[match.end : match.end + WINDOW]))
        before, after = begin[0] if begin else b"", end[0] if end else b""
        schemes = list(SCHEME.finditer(before))
        after = SCHEME.split(after, maxsplit=1)[0].rstrip(AFTER.encode())
        head = len(before) - schemes[-1].start() if schemes else len(LETTERS.search(before)[0])  # type: ignore[index]
        return match.start - head, match.end + len(after)

    def _is_address(self, data: bytes | memoryview, match: Match) -> bool:
        """Whether the address around a match is one of those that are looked for, or of a host that is."""
        if match.form.startswith("utf-16"):
            width = 2 * WINDOW
            low = max(match.start - width, match.start % 2)
            parts = (data[low : match.start], data[match.start : match.end], data[match.end : match.end + width])
            before, middle, after = (bytes(part).decode(match.form, "replace").encode() for part in parts)
            whole = before + middle + after
            start, end = self.extent(whole, Match(match.needle, "utf-8", len(before), len(before) + len(middle)))
            return self.is_address(whole[start:end].decode("utf-8", "replace"))
        start, end = self.extent(data, match)
        return self.is_address(bytes(data[start:end]).decode("utf-8", "replace"))

    def is_address(self, text: str) -> bool:
        """Whether a text is an address that is looked for, however it is spelt, or lies on a host that is."""
        plain = text.replace("\\/", "/")
        for spelt in dict.fromkeys((plain, unquote(plain), *(part for part in plain.split("@")[:1] if "/" in part))):
            rest = spelt.removeprefix("//")
            found = page_address(rest if "://" in rest else f"http://{rest}")
            if found is None:
                continue
            host = re.split("[/?#]", found, maxsplit=1)[0].rpartition("@")[2].partition(":")[0]
            parts = host.split(".")
            hosts = {"//" + ".".join(parts[number:]) for number in range(len(parts))}
            if found in self._addresses or hosts & self._addresses:
                return True
        return False


def forms(needle: Needle, encodings: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """The name of each form of a needle, and its bytes. Forms that are equal bytes are given once."""
    if needle.kind is NeedleKind.ADDRESS:
        yield from _host_forms(needle.text)
        return
    text = needle.text
    escaped, plain = json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]
    written = {
        "utf-8": text,
        "json": plain,
        "json-ascii": escaped,
        "json-in-json": json.dumps(escaped)[1:-1],
        "html": escape(text),
        "url": quote(text, safe=""),
    }
    given: set[bytes] = set()
    for form, value in written.items():
        if needle.kind is NeedleKind.PASSAGE and form in ("json-in-json", "html", "url"):
            continue
        pattern = value.encode("utf-8", "surrogatepass")
        if pattern not in given:
            given.add(pattern)
            yield form, pattern
    for encoding in ("utf-16-le", "utf-16-be", *sorted(set(encodings))):
        try:
            pattern = text.encode(encoding)
        except (UnicodeEncodeError, LookupError):
            continue
        if pattern not in given and len(pattern) >= SHORTEST_VALUE:
            given.add(pattern)
            yield encoding, pattern


def _host_forms(address: str) -> Iterator[tuple[str, bytes]]:
    """The host of an address, which stands in every spelling of it, in ASCII and as people read it."""
    host = re.split("[/?#]", address.removeprefix("//"), maxsplit=1)[0].rpartition("@")[2]
    host = host if host.startswith("[") else host.partition(":")[0]
    for name in dict.fromkeys((host, shown_host(host))):
        for form in ("utf-8", "utf-16-le", "utf-16-be"):
            yield form, name.encode(form)
        if not name.isascii():
            yield "json-ascii", json.dumps(name)[1:-1].encode()
            yield "url", quote(name, safe="").encode()


def address_needle(url: str, number: int) -> Needle | None:
    """The needle of a page; None for what is not an address."""
    address = page_address(url) or page_address(f"http://{url.strip().removeprefix('//')}")
    return Needle(NeedleKind.ADDRESS, f"address {number}", address) if address else None


def host_needle(host: str) -> Needle:
    """The needle of a host with its subdomains, which its name tells, as a tombstone does."""
    return Needle(NeedleKind.ADDRESS, f"host {host}", f"//{plain_host(host)}")


def value_needles(value: str, number: int) -> list[Needle]:
    """The needles of a line of a file of values: itself, or pieces of a long one."""
    if len(value) <= LONGEST_VALUE:
        return [Needle(NeedleKind.VALUE, f"value {number}", value)]
    starts = (0, (len(value) - LONGEST_VALUE) // 2, len(value) - LONGEST_VALUE)
    pieces = dict.fromkeys(value[start : start + LONGEST_VALUE] for start in starts)
    return [Needle(NeedleKind.VALUE, f"value {number}, piece {place}", piece) for place, piece in enumerate(pieces, 1)]


def passages(doc_id: str, text: str) -> list[Needle]:
    """Up to ``PASSAGES`` passages of a text, spread over it: the middle of long lines, or its longest line.

    Lines are taken apart because the file that a text came from may break them otherwise.
    """
    lines = [line.strip() for line in text.splitlines()]
    long = [line for line in lines if len(line) >= PASSAGE_CHARS]
    if not long:
        longest = max(lines, key=len, default="")
        long = [longest] if len(longest) >= SHORTEST_PASSAGE else []
    count = min(PASSAGES, len(long))
    chosen = dict.fromkeys(long[number * len(long) // count] for number in range(count)) if count else {}
    found = []
    for number, line in enumerate(chosen, 1):
        start = max((len(line) - PASSAGE_CHARS) // 2, 0)
        found.append(
            Needle(NeedleKind.PASSAGE, f"passage {number} of {doc_id}", line[start : start + PASSAGE_CHARS].strip())
        )
    return found


def digest_of(needles: Iterable[Needle]) -> str:
    """One digest of what was looked for, which a certificate can state."""
    return digest_text("\n".join(sorted(f"{needle.kind}\n{needle.name}\n{needle.text}" for needle in needles)))
