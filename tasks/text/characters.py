"""The properties of each Unicode character for the tokenizer: one word of bits a code point.

The kernels in ``tasks/kernels/tokens`` read them.

The classes are those of spaCy 3.8's English (``spacy/lang/char_classes.py`` and ``punctuation.py``, MIT), rewritten as
code points: what comes off the ends of a word, what cuts it, which letters are small or capital to its rules.
``NOT_SYMBOL`` is datatrove's (``gristmill.tasks.text.punctuation``), the rest Python's.

Cost: the table is made once in a process, in about 0.15 s and 1 MB; it depends on the Unicode version of Python.
"""

import string
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gristmill.tasks.kernels.counts.text_counts import PLANES
from gristmill.tasks.kernels.tokens.whitespace_split import (
    ADDRESS,
    ALPHA,
    BEFORE_STOP,
    BEGINS,
    CURRENCY,
    DIGIT,
    EAST,
    ENDS,
    ICON,
    INFIX,
    LETTER,
    LOWER,
    MARK,
    NOT_DIGIT,
    NOT_PUNCTUATION,
    NOT_SYMBOL,
    NUMBER,
    PREFIX,
    QUOTE,
    SENTENCE_END,
    SPACE,
    UPPER,
    WORD,
)
from gristmill.tasks.text.code_points import among, categories, where
from gristmill.tasks.text.punctuation import SYMBOLS, TERMINAL, characters

# Latin, Greek and the Cyrillic letters of Russian, Ukrainian, Macedonian and Tatar; others have no case to spaCy.
CASED = characters(
    "41-5A 61-7A C0-24F 250-2AF 386 388-38A 38C 38E-38F 391-3A9 3AC-3AF 3B1-3C9 3CC-3CE 400-401 403-40A 40C-40D 410-451"
    " 453-45A 45C-45D 490-491 496-497 4A2-4A3 4AE-4AF 4BA-4BB 4D8-4D9 4E8-4E9 1D00-1D25 1D6B-1D77 1D79-1D9A 1E00-1EFF"
    " 2C60-2C7B 2C7E-2C7F A722-A787 A78B-A78E A790-A7B9 A7FA AB30-AB5A AB60-AB64 FF21-FF5A"
)
UNCASED = characters(
    "591-5F4 620-64A 66E-6D5 6E5-6FF 750-77F 8A0-8BD 900-9FF B80-CFF D80-DFF 1100-137F 2E80-2FDF 2FF0-30FF 31C0-31EF"
    " 3200-4DBF 4E00-9FFF AC00-D7AF F900-FAFF FB1D-FBB1 FBD3-FD3D FD50-FDC7 FDF0-FDFB FE30-FE4F FE70-FEFC 1EE00-1EEBB"
    " 1F200-1F2FF 20000-2A6DF 2A700-2EBEF 2F800-2FA1F"
)
TITLE_CASE = characters("1BB 1C5 1C8 1CB 1F2")  # letters without either case to spaCy
SMALL_GLOTTAL_STOP, CAPITAL_GREEK_GAP = "\u0294", "\u03a2"

PUNCTUATION = frozenset("…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪")
QUOTES = frozenset("'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉〈〉⟦⟧")
DASHES = frozenset("—–")
ICONS = characters(  # the category So of Unicode 11
    "A6 A9 AE B0 482 58D-58E 60E-60F 6DE 6E9 6FD-6FE 7F6 9FA B70 BF3-BF8 BFA C7F D4F D79 F01-F03 F13 F15-F17"
    " F1A-F1F F34 F36 F38 FBE-FC5 FC7-FCC FCE-FCF FD5-FD8 109E-109F 1390-1399 1940 19DE-19FF 1B61-1B6A 1B74-1B7C"
    " 2100-2101 2103-2106 2108-2109 2114 2116-2117 211E-2123 2125 2127 2129 212E 213A-213B 214A 214C-214D 214F"
    " 218A-218B 2195-2199 219C-219F 21A1-21A2 21A4-21A5 21A7-21AD 21AF-21CD 21D0-21D1 21D3 21D5-21F3 2300-2307"
    " 230C-231F 2322-2328 232B-237B 237D-239A 23B4-23DB 23E2-2426 2440-244A 249C-24E9 2500-25B6 25B8-25C0 25C2-25F7"
    " 2600-266E 2670-2767 2794-27BF 2800-28FF 2B00-2B2F 2B45-2B46 2B4D-2B73 2B76-2B95 2B98-2BC8 2BCA-2BFE 2CE5-2CEA"
    " 2E80-2E99 2E9B-2EF3 2F00-2FD5 2FF0-2FFB 3004 3012-3013 3020 3036-3037 303E-303F 3190-3191 3196-319F 31C0-31E3"
    " 3200-321E 322A-3247 3250 3260-327F 328A-32B0 32C0-32FE 3300-33FF 4DC0-4DFF A490-A4C6 A828-A82B A836-A837 A839"
    " AA77-AA79 FDFD FFE4 FFE8 FFED-FFEE FFFC-FFFD 10137-1013F 10179-10189 1018C-1018E 10190-1019B 101A0 101D0-101FC"
    " 10877-10878 10AC8 1173F 16B3C-16B3F 16B45 1BC9C 1D000-1D0F5 1D100-1D126 1D129-1D164 1D16A-1D16C 1D183-1D184"
    " 1D18C-1D1A9 1D1AE-1D1E8 1D200-1D241 1D245 1D300-1D356 1D800-1D9FF 1DA37-1DA3A 1DA6D-1DA74 1DA76-1DA83"
    " 1DA85-1DA86 1ECAC 1F000-1F02B 1F030-1F093 1F0A0-1F0AE 1F0B1-1F0BF 1F0C1-1F0CF 1F0D1-1F0F5 1F110-1F16B"
    " 1F170-1F1AC 1F1E6-1F202 1F210-1F23B 1F240-1F248 1F250-1F251 1F260-1F265 1F300-1F3FA 1F400-1F6D4 1F6E0-1F6EC"
    " 1F6F0-1F6F9 1F700-1F773 1F780-1F7D8 1F800-1F80B 1F810-1F847 1F850-1F859 1F860-1F887 1F890-1F8AD 1F900-1F90B"
    " 1F910-1F93E 1F940-1F970 1F973-1F976 1F97A 1F97C-1F9A2 1F9B0-1F9B9 1F9C0-1F9C2 1F9D0-1F9FF 1FA60-1FA6D"
)
CURRENCIES = frozenset("$£¥฿﷼") | characters("20A0-20BF")
PREFIXES = frozenset("§%=")
CUTTING = frozenset(".,-–—~:<>=/+*^")  # what may cut a word, depending on its neighbours
# What comes off the end of a word after a digit; spaCy's list, with the slip in it that glues two units together.
UNITS = frozenset(
    """
    km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s km/h kmh mph hPa Pa
    mbar mb MB kb KB gb GB tb TB T G M K % км км² км³ м м² м³ дм дм² дм³ см см² см³ мм мм² мм³ нм кг г мг м/с км/ч
    кПа Па мбар Кб КБ кб Мб МБ мб Гб ГБ гб Тб ТБ тбكم كم² كم³ م م² م³ سم سم² سم³ مم مم² مم³ كم غرام جرام جم كغ ملغ
    كوب اكواب
    """.split()  # noqa: SIM905
)
UNIT_ENDS = frozenset(unit[-1] for unit in UNITS)
BEFORE_FULL_STOP = frozenset("0123456789%²-+|()?:") | PUNCTUATION | QUOTES
SENTENCE_ENDS = TERMINAL - characters(  # what spaCy's sentencizer lacks of datatrove's list
    "61D-61E 837 839 83D-83E 10F55-10F59 10F86-10F89 11944 11946 11EF7-11EF8 11F43-11F44 16E98 17D4-17D6 17D9-17DA"
    " 1B7D-1B7E 2E53-2E54"
)
EAST_ASIAN = characters(
    "1100-11FF 2E80-2FDF 3005-3007 3021-3029 3031-3035 3038-30FF 3105-318E 31A0-31BF 31F0-31FF 3400-4DBF 4E00-9FFF"
    " A960-A97F AC00-D7FF F900-FAFF FF66-FFDC 1AFF0-1B16F 20000-3FFFF"
)
ADDRESSES = frozenset(string.ascii_letters + string.digits) | characters("A1-FFFF")

Properties = npt.NDArray[np.uint32]


@lru_cache(maxsize=1)
def character_table() -> Properties:
    """The bits of the code points 0 .. PLANES - 1 and, as the last entry, of all beyond."""
    names, kinds = categories()
    letters, numerals = kinds == b"L", kinds == b"N"
    digits = among("0123456789")
    bits = np.full(PLANES, NOT_DIGIT, np.uint32)
    bits[~among(SYMBOLS)] |= NOT_SYMBOL
    bits[kinds != b"P"] |= NOT_PUNCTUATION
    bits[among(SENTENCE_ENDS)] |= SENTENCE_END
    bits[letters] |= LETTER
    bits[letters | numerals] |= WORD
    bits[(letters | numerals) & among(EAST_ASIAN)] |= EAST
    bits[names == b"Nd"] |= NUMBER
    bits[digits] = (bits[digits] | DIGIT) & ~np.uint32(NOT_DIGIT)
    bits[among(ADDRESSES)] |= ADDRESS
    bits |= _cases(names)
    bits |= _marks(bits)
    bits[where(str.isspace)] = SPACE
    return np.append(bits, np.uint32(NOT_SYMBOL | NOT_PUNCTUATION | NOT_DIGIT))


def _cases(names: npt.NDArray[np.bytes_]) -> Properties:
    cased = among(CASED)
    return np.select(
        [
            among(UNCASED),
            among(TITLE_CASE),
            (names == b"Ll") & cased | among(SMALL_GLOTTAL_STOP),
            (names == b"Lu") & cased | among(CAPITAL_GREEK_GAP),
        ],
        [ALPHA | LOWER | UPPER, ALPHA, ALPHA | LOWER, ALPHA | UPPER],
        0,
    ).astype(np.uint32)


def _marks(letters: Properties) -> Properties:
    """What stands at the ends of words and cuts them, from the letters' bits."""
    bits = np.zeros(PLANES, np.uint32)
    bits[among(PUNCTUATION | QUOTES | DASHES | ICONS)] |= MARK
    bits[among(PREFIXES)] |= PREFIX
    bits[among(CURRENCIES)] |= PREFIX | CURRENCY
    bits[among(ICONS | {"…"})] |= ICON
    bits[among(CUTTING)] |= INFIX
    bits[among(QUOTES)] |= QUOTE
    bits[among(BEFORE_FULL_STOP) | (letters & LOWER != 0)] |= BEFORE_STOP
    bits[among("_")] |= WORD
    bits[(bits & (MARK | PREFIX) != 0) | among(".+UCA")] |= BEGINS
    bits[(bits & (MARK | CURRENCY) != 0) | among(".+sS") | among(UNIT_ENDS)] |= ENDS
    return bits
