"""How well a text reads as language, to tell the right decoding of a page from wrong ones.

Nearly any bytes are text in some encoding, so decoding without an error proves nothing; but a wrong decoding looks
wrong. Three things are measured on the characters beyond ASCII, each 0 where nothing is wrong:

- *disorder*: charset-normalizer's mess ratio (accents in a row, capitals inside words, rare ideographs, symbols);
- *broken*: the share of U+FFFD among them;
- *misfits*: in Latin script the letters that are not in any one language's alphabet, where the languages that the
page's
  ASCII words are in count before others (resiliparse's language detector); in other scripts the letters glued to ASCII
  ones; in both, symbols that touch a letter.

Cost: about 0.3 ms for 2,000 characters, 0.5 ms for 16,000. charset-normalizer is imported when a text is judged.
"""

import re
from collections import Counter
from typing import NamedTuple

from resiliparse.parse.lang import detect_fast

# Letters beyond ASCII of languages in Latin script: the exemplar characters of Unicode CLDR, with those of loan words.
LETTERS = {
    "az": "əçğıöşü",
    "ca": "àçéèíïóòúüªº",
    "cs": "áčďéěíňóřšťúůýž",
    "cy": "âêîôûŵŷïäëö",
    "da": "æøåáàéèóôäöü",
    "de": "äöüßàáâçéèêëíîïñóôú",
    "eo": "ĉĝĥĵŝŭ",
    "es": "áéíñóúüªº",
    "et": "äõöüšžé",
    "eu": "ñüç",
    "fi": "äöåšžáàéè",
    "fo": "áæðíóøúý",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "ga": "áéíóú",
    "hr": "čćđšžé",
    "hu": "áéíóöőúüűäß",
    "is": "áæðéíóöþúý",
    "it": "àèéìíîòóùúªº",
    "lt": "ąčęėįšųūžé",
    "lv": "āčēģīķļņōŗšūž",
    "mt": "ċġħżàèìòù",
    "nl": "áäàâçéèêëíïóöôúü",
    "no": "æøåàéèêóòôäöü",
    "pl": "ąćęłńóśźżéöü",
    "pt": "áàâãçéêíóôõúüªº",
    "ro": "ăâîșşțţ",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "sl": "čšžćđéáö",
    "sq": "çë",
    "sv": "åäöáàéèüç",
    "tr": "çğıöşüâîû",
    "vi": "ăâđêôơưàáãèéìíòóõùúýĩũ" + "".join(map(chr, range(0x1EA1, 0x1EFA, 2))),
}
ALPHABETS = {
    language: frozenset(letters + letters.upper() + "İ" * (language in ("az", "tr")))
    for language, letters in LETTERS.items()
}
LANGUAGES = tuple(ALPHABETS)
MIN_WORDS = 40  # bytes of ASCII words, to say what language they are in
LIKELY = 3  # languages that the words may be in
NEXT_LIKELY, UNLIKELY = 0.01, 0.1  # what the alphabets of the next of these, and of all other languages, count less

BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
ASCII_WORD = re.compile(rb"(?<![\x80-\xff\w])[A-Za-z]+(?![\x80-\xff\w])")
BESIDE_LETTER = re.compile(r"(?<=[^\W\d_])[^\s\x00-\x7f]|[^\s\x00-\x7f](?=[^\W\d_])")
BETWEEN_LETTERS = re.compile(r"(?<=[^\W\d_])[¿¡](?=[^\W\d_])")
GLUED = re.compile(r"(?<=[A-Za-z])[^\W\d_\x00-\x7f]|[^\W\d_\x00-\x7f](?=[A-Za-z])")
ODD = re.compile(
    "[\x80-\x9f\xa2\xa4\xa6\xa8\xa9\xac\xaf\xb1\xb6\xb8\xb9\xbc-\xbe\xd7\xf7\u02c7\u02d8-\u02dd\u0384\u0385\u2500-\u259f\uff61-\uff65\ue000-\uf8ff\ufffd]"
)
# Vowel signs and accents of Hebrew, Arabic and Thai: not letters, but parts of letters of their own script.
GLUED_MARK = re.compile("(?<=[A-Za-z])[\u0591-\u05c7\u064b-\u065f\u0670\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]")
CAPITAL_INSIDE = re.compile(r"(?<=[\u03ac-\u03ce\u0430-\u045f])[\u0386-\u03ab\u0400-\u042f]")  # Greek and Cyrillic
BROKEN_WEIGHT, MISFIT_WEIGHT = 2.0, 2.0
MESS_CHARACTERS = 2000  # of a text are looked at for disorder, which shows early; a misfit may come late
HOPELESS = 2.0  # implausibility beyond which the exact value does not matter


def languages_of(sample: bytes) -> tuple[str, ...]:
    """The likeliest languages in Latin script of the words that are all ASCII; none where there are too few."""
    words = b" ".join(ASCII_WORD.findall(sample)).decode("ascii")
    if len(words) < MIN_WORDS:
        return ()
    found = detect_fast(words, n_results=LIKELY, cutoff=1 << 16, langs=LANGUAGES)
    return tuple(name for name, _ in found if isinstance(name, str)) if isinstance(found, list) else ()


class Plausibility(NamedTuple):
    """How a text reads: ``implausibility`` is 0 for language, 1 and more for anything else; ``misfits`` are counted."""

    implausibility: float
    misfits: int


def read(text: str, languages: tuple[str, ...]) -> Plausibility:
    """How well ``text`` reads as language. ``languages``: what Latin script may be in, the likeliest first."""
    from charset_normalizer.md import mess_ratio

    beyond = Counter(BEYOND_ASCII.findall(text))
    broken = beyond["\ufffd"] / max(beyond.total(), 1)
    share, misfits = _misfits(text, beyond, languages)
    found = BROKEN_WEIGHT * broken + MISFIT_WEIGHT * share
    if found < HOPELESS:
        found += mess_ratio(text[:MESS_CHARACTERS], maximum_threshold=HOPELESS)
    return Plausibility(found, misfits)


def _misfits(text: str, beyond: Counter[str], languages: tuple[str, ...]) -> tuple[float, int]:
    """The share of letters and symbols beyond ASCII that do not belong where they are, and how many these are."""
    letters = {letter: count for letter, count in beyond.items() if letter.isalpha()}
    number = sum(letters.values())
    symbols = len(ODD.findall("".join(BESIDE_LETTER.findall(text)))) + len(BETWEEN_LETTERS.findall(text))
    symbols += len(GLUED_MARK.findall(text))
    if not number + symbols:
        return 0.0, 0
    latin = sum(count for letter, count in letters.items() if letter < "\u0250" or "\u1e00" <= letter < "\u1f00")
    if 2 * latin < number:
        misfits = symbols + len(GLUED.findall(text)) + len(CAPITAL_INSIDE.findall(text))
        return misfits / (number + symbols), misfits
    rank = {language: NEXT_LIKELY * place for place, language in enumerate(languages)}
    return min(
        (misfits / (number + symbols) + rank.get(language, UNLIKELY), misfits)
        for language, misfits in (
            (language, symbols + sum(count for letter, count in letters.items() if letter not in alphabet))
            for language, alphabet in ALPHABETS.items()
        )
    )
