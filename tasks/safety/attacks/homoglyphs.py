"""Words that mix scripts with letters that look alike: ``pаypal`` with a Cyrillic а.

The test is that of Unicode's confusables (UTS 39): a word in letters of Latin and another script is suspect when each
foreign letter looks like a Latin one, so that its skeleton is a Latin word. What people mix legitimately is not:

* words of two scripts whose letters do not look alike (``SMSки``, ``PDFы``, ``μm``), and Latin names in capitals
  with a Cyrillic ending;
* Greek letters at the edge of a word or beside capitals: mathematics, physics and biology (``cosα``, ``TNFα``);
* Latin words in Chinese, Japanese or Korean text: those scripts are not compared at all.

A word that is Cyrillic with a few Latin look-alikes is more often a slip of a keyboard: it counts less. So does a word
of four or more letters that are all Cyrillic look-alikes amid Latin text (whole-script), and one in mathematical
alphabets (``𝐯𝐢𝐚𝐠𝐫𝐚``). The table holds the letters that look alike in usual fonts. Cost: linear in the words it sees.
"""

import re
from collections.abc import Iterator
from itertools import groupby

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding

CYRILLIC = dict(
    zip(
        "авсеһіјкмоԛрѕтԝхуѵԁҽɡАВСЕНІЈКМОРЅТХУѴҮԌԚԜ",
        "abcehijkmoqpstwxyvdegABCEHIJKMOPSTXYVYGQW",
        strict=True,
    )
)
SMALL_CYRILLIC = "асеһіјоԛрѕԝхуѵԁ"  # those that look alike as small letters too: in and к, м, т differ in most fonts
GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορτυχϲϳγω", "ABEZHIKMNOPTYXaiknoptuxcjyw", strict=True))
ARMENIAN = dict(zip("օոսհցյզքՕՍՏԼ", "onuhgjqpOUSL", strict=True))
CHEROKEE = dict(zip("ᎪᏴᏟᎠᎬᎻᎫᏦᏞᎷᏢᏚᎢᏙᎳᏃᏀ", "ABCDEHJKLMPSTVWZG", strict=True))
LATIN_AS_CYRILLIC = frozenset("aceopxyijsABCEHIJKMOPSTXY")

WORD = re.compile("[A-Za-z\u00c0-\u024f\u0261\u0370-\u03ff\u0400-\u052f\u0531-\u0587\u13a0-\u13ff]+")
STYLED = re.compile("[\U0001d400-\U0001d6a3]{4,}(?:[ -][\U0001d400-\U0001d6a3]+){0,8}")
ALL_CYRILLIC = re.compile(f"(?<![\\w\u0300-\u036f])[{SMALL_CYRILLIC}]{{4,16}}(?![\\w\u0300-\u036f])")
ANY_CYRILLIC = re.compile("[\u0400-\u052f]")
ANY_LATIN = re.compile("[A-Za-z]")
AROUND = 64
MIN_LATIN_AROUND = 20
MIXED, GREEK_MIXED, SLIP, WHOLE, STYLED_SCORE = 0.9, 0.6, 0.4, 0.6, 0.5


def homoglyphs(text: str, start: int, end: int) -> Iterator[Finding]:
    """Words whose letters look like those of another script."""
    for match in WORD.finditer(text, start, end):
        word = match.group()
        if not word.isascii() and ANY_LATIN.search(word):
            score = _mixed(word)
            if score:
                yield _finding(match.start(), match.end(), score)
    for match in ALL_CYRILLIC.finditer(text, start, end):
        around = text[max(start, match.start() - AROUND) : match.start()] + text[match.end() : match.end() + AROUND]
        if not ANY_CYRILLIC.search(around) and len(ANY_LATIN.findall(around)) >= MIN_LATIN_AROUND:
            yield _finding(match.start(), match.end(), WHOLE)
    for match in STYLED.finditer(text, start, end):
        yield _finding(match.start(), match.end(), STYLED_SCORE)


def _script(letter: str) -> str:
    if letter <= "\u024f":
        return "latin"
    if "\u0370" <= letter <= "\u03ff":
        return "greek"
    if "\u0531" <= letter <= "\u0587":
        return "armenian"
    return "cherokee" if letter >= "\u13a0" else "cyrillic"


def _mixed(word: str) -> float:
    """The score of a word with letters of Latin and of another script; 0 for one that people write."""
    if len(word) < 3:
        return 0.0
    blocks = [(script, "".join(letters)) for script, letters in groupby(word, _script)]
    scripts = {script for script, _ in blocks}
    foreign = "".join(letters for script, letters in blocks if script != "latin")
    latin = "".join(letters for script, letters in blocks if script == "latin")
    if not foreign:
        return 0.0
    if scripts == {"latin", "greek"}:
        return _greek(blocks, latin)
    if all(letter in CYRILLIC or letter in ARMENIAN or letter in CHEROKEE for letter in foreign):
        ending = len(blocks) == 2 and latin[-1].isupper() and blocks[0][0] == "latin" and foreign.islower()
        return 0.0 if ending else MIXED
    slip = (
        scripts == {"latin", "cyrillic"}
        and len(foreign) >= 3
        and 2 * len(latin) <= len(foreign)
        and all(letter in LATIN_AS_CYRILLIC for letter in latin)
        and not (len(latin) > 1 and latin.isupper() and len(blocks) == 2)
    )
    return SLIP if slip else 0.0


def _greek(blocks: list[tuple[str, str]], latin: str) -> float:
    """Greek letters count only inside of a word in small letters, or as capitals before small ones."""
    if len(latin) < 3 or not latin[1:].islower():
        return 0.0
    for place, (script, letters) in enumerate(blocks):
        if script != "greek":
            continue
        inside = 0 < place < len(blocks) - 1
        capital = place == 0 and letters.isupper() and len(blocks) > 1
        if not all(letter in GREEK for letter in letters) or not (inside or capital):
            return 0.0
    return GREEK_MIXED


def _finding(start: int, end: int, score: float) -> Finding:
    return Finding(start, end, FindingKind.HOMOGLYPH, score, HOMOGLYPH.name)


_FOREIGN = r"[\x{370}-\x{3ff}\x{400}-\x{52f}\x{531}-\x{587}\x{13a0}-\x{13ff}]"
HOMOGLYPH = Detector(
    "attack:homoglyph",
    1,
    (FindingKind.HOMOGLYPH,),
    (
        rf"[A-Za-z]{_FOREIGN}",
        rf"{_FOREIGN}[A-Za-z]",
        rf"[A-Za-z0-9][ \"'(][{SMALL_CYRILLIC}]{{4}}",
        r"[\x{1d400}-\x{1d6a3}]{4}",
    ),
    homoglyphs,
    reach=(AROUND + 24, AROUND + 24),
)
DETECTORS = (HOMOGLYPH,)
