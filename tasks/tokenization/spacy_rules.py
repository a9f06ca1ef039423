"""The rules by which spaCy 3.8 cuts texts, as regular expressions and lists: those of five languages, and its default.

Source: spaCy's ``lang/{ar,de,es,fr,ru}/punctuation.py``, ``lang/char_classes.py`` and ``lang/punctuation.py`` (MIT), in
the order in which spaCy tries them; lists of single marks and words are in ``lists/spacy_words.yaml``. Character
classes follow the Unicode categories within the blocks that spaCy names. Cost: half a second a language, in a process.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from gristmill.tasks.text.punctuation import characters

LISTS = Path(__file__).parent / "lists" / "spacy_words.yaml"
LANGUAGES = ("ar", "de", "es", "fr", "ru")
PLAIN = ("af", "az", "cs", "dsb", "et", "eu", "he", "hr", "hy", "is", "kmr", "lv", "sk", "sq", "xx", "yo")
"""Languages that spaCy cuts by its default rules; ``xx`` is any language that it does not know."""

LATIN = characters(
    "41-5A 61-7A C0-D6 D8-F6 F8-24F 250-2AF 1D00-1D25 1D6B-1D77 1D79-1D9A 1E00-1EFF 2C60-2C7B 2C7E-2C7F A722-A7BA"
    " A7FA AB30-AB5A AB60-AB64 FF21-FF3A FF41-FF5A"
)
SMALL = "ёа-яәөүҗңһіїєґѓѕјљњќѐѝα-ωάέίόώήύʔ"
CAPITAL = "ЁА-ЯӘӨҮҖҢҺІЇЄҐЃЅЈЉЊЌЀЍΑ-ΩΆΈΊΌΏΉΎ"
UNCASED = characters(
    "591-5F4 620-64A 66E-6D5 6E5-6FF 750-77F 8A0-8BD 900-9FF B80-CFF D80-DFF 1100-137F 2E80-2FDF 2FF0-30FF 31C0-31EF"
    " 3200-4DBF 4E00-9FFF AC00-D7AF F900-FAFF FB1D-FBB1 FBD3-FD3D FD50-FDC7 FDF0-FDFB FE30-FE4F FE70-FEFC 1EE00-1EEBB"
    " 1F200-1F2FF 20000-2A6DF 2A700-2EBEF 2F800-2FA1F"
)
LATE_ICONS = characters(  # of Unicode 12 and later, unknown to spaCy
    "166D 2B97 2BC9 2BFF 2E50-2E51 32FF FD40-FD4F FDCF FDFE-FDFF 1019C 11FD5-11FDC 11FE1-11FF1 1CF50-1CFC3 1D1E9-1D1EA"
    " 1E14F 1ED2E 1F10D-1F10F 1F16C-1F16F 1F1AD 1F6D5-1F6D7 1F6DD-1F6DF 1F6FA-1F6FC 1F7E0-1F7EB 1F7F0 1F8B0-1F8B1"
    " 1F90C-1F90F 1F93F 1F971-1F972 1F977-1F979 1F97B 1F9A3-1F9AF 1F9BA-1F9BF 1F9C3-1F9CF 1FA00-1FA53 1FA70-1FA74"
    " 1FA78-1FA7C 1FA80-1FA86 1FA90-1FAAC 1FAB0-1FABA 1FAC0-1FAC5 1FAD0-1FAD9 1FAE0-1FAE7 1FAF0-1FAF6 1FB00-1FB92"
    " 1FB94-1FBCA"
)
HYPHENS = ("-", "–", "—", "--", "---", "——", "~")
FRENCH_HYPHENS, FRENCH_MARKS = "-–—‐‑", "'’"
FRENCH_SUFFIXES = ("ce", "clés", "elle", "en", "il", "ils", "je", "là", "moi", "nous", "on", "t", "vous")
ELLIPSES = [r"\.\.+", "…"]
DIACRITICS = "\u0300-\u036f"


@dataclass(frozen=True)
class Rules:
    """What one language does to a chunk. ``specials``: the tokens of special cases; some have a space in them."""

    language: str
    prefix: re.Pattern[str]
    suffix: re.Pattern[str]
    infix: re.Pattern[str]
    whole: re.Pattern[str] | None
    specials: dict[str, tuple[str, ...]]


@lru_cache(maxsize=8)
def rules_of(language: str) -> Rules:
    """The rules of a language. Raises ``ValueError`` for one outside ``LANGUAGES`` and ``PLAIN``."""
    if language not in LANGUAGES + PLAIN:
        raise ValueError(f"spaCy's rules for {language} are not here: write them in spacy_rules.py and LANGUAGES")
    lists = yaml.safe_load(LISTS.read_text(encoding="utf-8"))
    prefixes, suffixes, infixes = _affixes(language, lists)
    specials: dict[str, tuple[str, ...]] = {}
    for group in (lists["base"], lists.get(language, {})):
        specials |= {chunk: (chunk,) for row in group.get("whole", []) for chunk in row}
        specials |= {"".join(tokens): tuple(tokens) for row in group.get("cut", []) for tokens in row}
    return Rules(
        language=language,
        prefix=re.compile("|".join("^" + piece for piece in prefixes)),
        suffix=re.compile("|".join(piece + "$" for piece in suffixes)),
        infix=re.compile("|".join(infixes)),
        whole=_french_words(lists["fr"]) if language == "fr" else None,
        specials=specials,
    )


def _affixes(language: str, lists: dict[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """Expressions of prefixes, suffixes and infixes, in spaCy's order."""
    lower, upper, letter = letters()
    marks, quotes, currencies = (
        [re.escape(mark) for mark in lists[name].split()] for name in ("marks", "quotes", "currencies")
    )
    icons = ["[" + _group(_icons()) + "]"]
    quoted = "".join(quotes)
    currency = "|".join(currencies)
    units = [unit for row in lists["units"] for unit in row if language != "es" or unit != "%"]
    digits = "" if language == "de" else "0-9"
    dot_after = f"{digits}{lower}%²\\-\\+{'' if language == 'fr' else '|'.join(marks)}(?:{quoted})"
    if language == "es":
        dot_after += "—–"
    prefixes = ["§", "%", "=", "—", "–", r"\+(?![0-9])", *marks, *ELLIPSES, *quotes]
    prefixes += [*currencies, *icons]
    common = [*marks, *ELLIPSES, *quotes]
    numbers = [r"(?<=[0-9])\+", r"(?<=°[FfCcKk])\.", f"(?<=[0-9])(?:{currency})", f"(?<=[0-9])(?:{'|'.join(units)})"]
    dots = [f"(?<=[{dot_after}])\\.", f"(?<=[{upper}][{upper}])\\."]
    hyphens = "|".join(HYPHENS)
    comma, colon = f"(?<=[{letter}]),(?=[{letter}])", f"(?<=[{letter}0-9])[:<>=/](?=[{letter}])"
    operator = r"(?<=[0-9])[+\-\*^](?=[0-9-])"
    full_stop = f"(?<=[{lower}{quoted}])\\.(?=[{upper}{quoted}])"
    hyphen = f"(?<=[{letter}])(?:{hyphens})(?=[{letter}])"
    infixes = [*ELLIPSES, *icons, operator, full_stop, comma, hyphen, colon]
    if language == "ar":
        suffixes = [*common, numbers[0], *numbers[2:], dots[1]]
    elif language == "de":
        prefixes = ["``", *prefixes]
        suffixes = ["''", "/", *common, *icons, *numbers, *dots]
        bracket = f"(?<=[{letter}])[{quoted.replace(chr(39), '')})\\](\\[](?=[{letter}])"
        infixes = [*ELLIPSES, *icons, f"(?<=[{lower}])\\.(?=[{upper}])", f"(?<=[{letter}])[,!?](?=[{letter}])"]
        infixes += [f"(?<=[{letter}])[:<>=](?=[{letter}])", comma, f"(?<=[0-9{letter}])/(?=[0-9{letter}])", bracket]
        infixes += [f"(?<=[{letter}])--(?=[{letter}])", "(?<=[0-9])-(?=[0-9])"]
    elif language == "es":
        suffixes = ["—", "–", *common, *icons, *numbers, *dots]
        infixes = [*ELLIPSES, *icons, r"(?<=[0-9])[+\*^](?=[0-9-])"]
        infixes += [f"(?<=[{lower}{quoted}—–])\\.(?=[{upper}{quoted}—–])", comma, colon]
    elif language == "fr":
        prefixes.append(f"(?:(?:d|l|n|D|L|N)[{FRENCH_MARKS}])(?=[{letter}])")
        endings = "|".join([*FRENCH_SUFFIXES, *(ending.upper() for ending in FRENCH_SUFFIXES)])
        suffixes = [*common, *numbers[:2], "(?<=[0-9])%", *numbers[2:], *dots]
        suffixes.append(f"(?<=[{letter}])[{FRENCH_HYPHENS}]({endings})")
        infixes.append(f"(?<=[{letter}][{FRENCH_MARKS}])(?=[{letter}])")
    else:
        suffixes = [*common, *icons, "'s", "'S", "’s", "’S", "—", "–", *numbers, *dots]
    if language == "ru":
        suffixes.append(f"(?<=[{letter}][{DIACRITICS}])\\.")
        infixes.append(f"(?<=[{lower}][{DIACRITICS}])\\.(?=[{upper}{quoted}])")
        infixes.append(f"(?<=[{letter}][{DIACRITICS}]),(?=[{letter}])")
        infixes.append(f"(?<=[{letter}][{DIACRITICS}])(?:{hyphens})(?=[{letter}])")
        infixes.append(f"(?<=[{letter}][{DIACRITICS}])[:<>=/](?=[{letter}])")
    return prefixes, suffixes, infixes


def _french_words(lists: dict[str, Any]) -> re.Pattern[str]:
    """French words with a hyphen or an apostrophe that stay whole (spaCy's TOKEN_MATCH)."""
    lower, _, letter = letters()
    hyphen, mark = f"[{FRENCH_HYPHENS}]", f"[{FRENCH_MARKS}]"
    rest = f"[{lower}][{FRENCH_HYPHENS}{lower}{FRENCH_MARKS}]*$"
    flat = {name: [item for row in lists[name] for item in row] for name in ("hyphened", "words")}
    plain = [word.replace("-", hyphen).replace("’", mark) for word in flat["words"]]
    some, any_number = ("|".join(word[:-1] for word in plain if word.endswith(sign)) for sign in "+*")
    words = [f"(?:{some})[{lower}]+$", f"(?:{any_number})[{lower}]*$"]
    words += [f"(?:{'|'.join(flat['hyphened'])}){hyphen}{rest}", f"(?:{'|'.join(lists['elided'])}){mark}{rest}"]
    words.append(f"[{letter}]+{hyphen}(?:{'|'.join(lists['joints'])}){hyphen}(?:l{mark})?[{letter}]+$")
    return re.compile("(?iu)" + "|".join(words))


@lru_cache(maxsize=1)
def letters() -> tuple[str, str, str]:
    """Insides of character classes: small letters, capitals, and all letters (those without case are in each)."""
    uncased = _group(UNCASED)
    small = _group(c for c in LATIN if unicodedata.category(c) == "Ll") + SMALL + uncased
    capital = _group(c for c in LATIN if unicodedata.category(c) == "Lu") + CAPITAL + uncased
    every = _group(LATIN) + SMALL + CAPITAL + uncased
    return small, capital, every


def _icons() -> Iterator[str]:
    """Symbols of Unicode category So that spaCy takes for icons."""
    for code in range(0x30000):
        if unicodedata.category(chr(code)) == "So" and chr(code) not in LATE_ICONS:
            yield chr(code)


def _group(members: Iterable[str]) -> str:
    """The inside of a character class, as ranges."""
    ranges: list[list[int]] = []
    for code in sorted(map(ord, members)):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(chr(first) if first == last else f"{chr(first)}-{chr(last)}" for first, last in ranges)


@lru_cache(maxsize=1)
def web_address() -> re.Pattern[str]:
    """spaCy's expression for a web address (after Diego Perini, MIT), which infixes do not cut."""
    return re.compile(
        r"^(?:(?:[\w\+\-\.]{2,})://)?(?:\S+(?::\S*)?@)?"
        r"(?:(?!(?:10|127)(?:\.\d{1,3}){3})(?!(?:169\.254|192\.168)(?:\.\d{1,3}){2})"
        r"(?!172\.(?:1[6-9]|2\d|3[0-1])(?:\.\d{1,3}){2})(?:[1-9]\d?|1\d\d|2[01]\d|22[0-3])"
        r"(?:\.(?:1?\d{1,2}|2[0-4]\d|25[0-5])){2}(?:\.(?:[1-9]\d?|1\d\d|2[0-4]\d|25[0-4]))"
        r"|(?:(?:[A-Za-z0-9\u00a1-\uffff][A-Za-z0-9\u00a1-\uffff_-]{0,62})?[A-Za-z0-9\u00a1-\uffff]\.)+"
        rf"(?:[{letters()[0]}]{{2,63}}))(?::\d{{2,5}})?(?:[/?#]\S*)?$"
    )
