"""Names of input files: text for every name that a file system allows, and distinct for different files.

A name may have bytes that are not UTF-8, and control characters that would reach a terminal. They are written as
``\\xHH``; a backslash that would read as the start of such an escape is written as ``\\x5c``. So names are reversible,
and those without any of these stay as they are.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

ESCAPED = re.compile(r"[\x00-\x1f\x7f\udc80-\udcff]|\\(?=x[0-9a-f]{2})")
ESCAPE = re.compile(r"\\x([0-9a-f]{2})")


def escape_name(name: str) -> str:
    """A name as Python has it from the system (PEP 383), as text that can be stored and shown.

    >>> escape_name("caf\\udce9.jsonl"), unescape_name("caf\\\\xe9.jsonl") == "caf\\udce9.jsonl"
    ('caf\\\\xe9.jsonl', True)
    """
    return ESCAPED.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", name)


def storable(name: str) -> str:
    """An input as the command line was given it, as text that can be stored and sent: only what is not text is escaped,
    since the rest may be escaped already."""
    return escape_name(name) if any("\udc80" <= letter <= "\udcff" for letter in name) else name


def unescape_name(name: str) -> str:
    """The name that :func:`escape_name` was given."""
    return ESCAPE.sub(lambda found: _character(int(found[1], 16)), name)


def _character(byte: int) -> str:
    return chr(byte if byte < 0x80 else 0xDC00 + byte)


def distinct_names(files: Sequence[tuple[str, PurePath]]) -> list[str]:
    """Names for files, given the name that each should have and its absolute path; no two files have the same path.

    Names that would be the same are lengthened by as many parent folders as distinguish them, all by the same number,
    so that the order of the files does not matter.

    >>> distinct_names([("x.csv", PurePath("/in/a/x.csv")), ("x.csv", PurePath("/in/b/x.csv"))])
    ['a/x.csv', 'b/x.csv']
    """
    names = [name for name, _ in files]
    parts = [path.parts[1:] for _, path in files]
    shown = [len(PurePath(name).parts) for name in names]
    while True:
        counts = Counter(names)
        alike = [place for place, name in enumerate(names) if counts[name] > 1]
        longer = [place for place in alike if shown[place] < len(parts[place])]
        if not longer:
            return names
        for place in longer:
            shown[place] += 1
            names[place] = "/".join(parts[place][-shown[place] :])
