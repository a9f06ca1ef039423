"""The licence that a document names, as an SPDX identifier: SPDX lines in code, addresses of licences, known sentences.

An ``SPDX-License-Identifier`` is checked against the list of SPDX that ``packaging`` carries. An address counts where
the page says that it is its licence (``rel=license``, meta, JSON-LD): a mere link to a licence does not license the
page. Ported Creative Commons licences keep their number and lose their country, because SPDX lists few of them. The
sentences are those that the licences themselves ask for, and the Chinese ones of Creative Commons; they are looked for
in the text, so a page about licences may name one that is not its own: the evidence says which sentence it was.

Cost: two scans in Rust for the words that every form has; then a few expressions for each document that has one.
"""

import re
from dataclasses import dataclass
from itertools import islice

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from gristmill.tasks.safety.rights.statement import MOST_EVIDENCE

CC = re.compile(
    r"(?:https?:)?//(?:www\.|deed\.)?creativecommons\.org/"
    r"(?:licenses/(by(?:-nc)?(?:-sa|-nd)?)/([1-4]\.[0-9])|publicdomain/(zero|mark)/1\.0)",
    re.I,
)
ADDRESSES = (
    ("opensource.org/licenses/mit", "MIT"),
    ("apache.org/licenses/license-2.0", "Apache-2.0"),
    ("gnu.org/licenses/gpl-3.0", "GPL-3.0-only"),
    ("gnu.org/licenses/fdl-1.3", "GFDL-1.3-only"),
    ("opendatacommons.org/licenses/odbl", "ODbL-1.0"),
)
MOST_TRIED = 20  # SPDX lines of a text, and words of one
SPDX = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+\-() ]{1,200})")
MAY_NAME = r"SPDX-License-Identifier|[Ll]icensed under|Creative Commons|CC BY|CC0|知识共享|Permission is hereby granted"
CODES = {"Attribution": "BY", "NonCommercial": "NC", "ShareAlike": "SA", "NoDerivatives": "ND", "NoDerivs": "ND"}
CHINESE = {"署名": "BY", "非商业性使用": "NC", "非商业使用": "NC", "相同方式共享": "SA", "禁止演绎": "ND"}
LONG_FORM = re.compile(
    r"Creative Commons (Attribution(?:[- ](?:NonCommercial|ShareAlike|NoDerivatives|NoDerivs)){0,2}) ([1-4]\.[0-9])"
)
SHORT_FORM = re.compile(r"\bCC[ -]BY((?:-(?:NC|SA|ND)){0,2})[ -]([1-4]\.[0-9])")
CHINESE_FORM = re.compile(
    r"知识共享[ “\"《]{0,3}(署名(?:[-－—· ]{0,3}(?:非商业性使用|非商业使用|相同方式共享|禁止演绎)){0,2})"
    r"[ ”\"》]{0,3}([1-4]\.[0-9])"
)
SENTENCES = (
    (re.compile(r"Licensed under the Apache License, Version 2\.0"), "Apache-2.0"),
    (re.compile(r"Permission is hereby granted, free of charge, to any person obtaining a copy"), "MIT"),
    (re.compile(r"\bCC0 1\.0 Universal\b"), "CC0-1.0"),
    (re.compile(r"[Ll]icensed under the MIT [Ll]icense"), "MIT"),
)


@dataclass(frozen=True, slots=True)
class Licence:
    """``spdx``: the identifier or expression; ``line``: the evidence as it stands, cut to 300 characters."""

    spdx: str
    line: str


def licence_of_address(address: str, shown: str) -> Licence | None:
    """The licence behind an address, with ``shown`` as the evidence; None for an address that is not known."""
    found = CC.search(address.strip())
    line = " ".join(shown.split())[:MOST_EVIDENCE]
    if found is not None:
        if found[3]:
            return Licence("CC0-1.0" if found[3].lower() == "zero" else "CC-PDM-1.0", line)
        return Licence(f"CC-{found[1].upper()}-{found[2]}", line)
    lower = address.lower()
    return next((Licence(spdx, line) for part, spdx in ADDRESSES if part in lower), None)


def licence_of_text(text: str) -> Licence | None:
    """The licence that a text names; the SPDX line first, because it is made for machines."""
    for line in islice(SPDX.finditer(text), MOST_TRIED):
        if (spdx := _spdx(line[1])) is not None:
            return Licence(spdx, _line(text, line))
    for form, codes in ((LONG_FORM, CODES), (CHINESE_FORM, CHINESE)):
        if found := form.search(text):
            parts = [code for name, code in codes.items() if name in found[1]]
            return Licence(f"CC-{'-'.join(dict.fromkeys(parts))}-{found[2]}", _line(text, found))
    if found := SHORT_FORM.search(text):
        return Licence(f"CC-BY{found[1]}-{found[2]}", _line(text, found))
    for sentence, identifier in SENTENCES:
        if found := sentence.search(text):
            return Licence(identifier, _line(text, found))
    return None


def _spdx(words: str) -> str | None:
    """The expression, without what follows it on the line, such as the end of a comment."""
    parts = words.split()[:MOST_TRIED]
    for count in range(len(parts), 0, -1):
        try:
            return str(canonicalize_license_expression(" ".join(parts[:count])))
        except InvalidLicenseExpression:
            continue
    return None


def _line(text: str, found: re.Match[str]) -> str:
    start = text.rfind("\n", 0, found.start()) + 1
    start = max(start, found.start() - 80)
    return " ".join(text[start : found.end() + 80].partition("\n")[0].split())[:MOST_EVIDENCE]
