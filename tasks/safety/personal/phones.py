"""Telephone numbers: numbering plans of ``phonenumbers`` (Google's metadata), in the country that the text suggests.

A number with + names its country. Of the others, the form decides which plans are asked: three, three and four digits
with the same sign between them the North American one, a leading 0 with signs between the groups those of Europe, Japan
and Australia, eleven digits from 13 on that of China where Chinese stands around them. A word such as "phone", "Tel."
or 电话 admits any grouping, in the plans of the countries where the word is used. Scores: .95 with a word and valid, .9
with a country code and valid, .85 for a Chinese mobile in Chinese text, .7 by form, .6 with a word but not assigned, as
(555) numbers are.
"""

import re
from collections.abc import Iterator

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding
from gristmill.tasks.safety.personal.rules import LEFT, RIGHT, any_of, contradicted, labelled, near

WORDS_BY_REGION = {
    ("US", "GB", "IN", "AU", "ZA", "IE", "NZ"): (
        "phone",
        "telephone",
        "tel",
        "fax",
        "mobile",
        "cell",
        "cellphone",
        "call",
        "call me",
        "dial",
        "text me",
        "hotline",
        "whatsapp",
        "reached at",
        "contact number",
        "phone number",
        "answering at",
        "messages to",
        "reach me at",
        "ph",
        "sms",
        "office",
        "toll-free",
    ),
    ("CN", "HK", "TW"): (
        "电话",
        "電話",
        "手机",
        "手機",
        "手机号",
        "联系方式",
        "热线",
        "熱線",
        "传真",
        "傳真",
        "拨打",
        "致电",
        "致電",
        "来电",
        "座机",
        "短信",
        "客服",
    ),
    ("FR", "BE", "CH", "CA"): ("téléphone", "tél", "portable", "joindre"),
    ("DE", "AT", "CH"): ("telefon", "tel", "rufnummer", "handy", "telefax", "mobil"),
    ("ES", "MX", "AR", "CO"): ("teléfono", "telefono", "móvil", "celular"),
    ("IT",): ("telefono", "cellulare"),
    ("BR", "PT"): ("telefone", "telemóvel", "celular"),
    ("JP",): ("電話番号", "携帯"),
    ("KR",): ("전화", "휴대폰", "연락처"),
    ("RU",): ("телефон", "тел", "моб"),
}
DIRECTLY = re.compile(r"(?: number| no\.?| is|'s)?[ ]?[:：]?[ ]{0,2}")
BEHIND = re.compile(r"[ ]?[\-,(]?[ ]?(?:office|fax|mobile|cell|home|work)\b", re.IGNORECASE)
HIT, LABELLED_HIT = "phonenumbers:phone", "phonenumbers:labelled"
_ALL_WORDS = tuple(dict.fromkeys(word for words in WORDS_BY_REGION.values() for word in words))
_WORDS = any_of(_ALL_WORDS)
_CHINESE_WORDS = any_of(WORDS_BY_REGION["CN", "HK", "TW"])
_REGION_WORDS = [(regions, any_of(words)) for regions, words in WORDS_BY_REGION.items()]
_CHINESE = re.compile("[\u4e00-\u9fff]")
_EUROPE = ("GB", "FR", "DE", "IT", "ES", "JP", "AU", "CN")

ALONE = r"(?<![0-9][ ])"
"""Not in the middle of a row of numbers: tables and hex dumps."""
INTERNATIONAL = re.compile(r"(?<![0-9A-Za-z_+.])\+[1-9](?:[ .\-/]{0,2}\(?[0-9]\)?){6,14}" + RIGHT)
NORTH_AMERICAN = re.compile(
    LEFT
    + ALONE
    + r"(?:\+?1[ .\-])?(?:\([2-9][0-9]{2}\)[ .\-]{0,2}[2-9][0-9]{2}[ .\-]|[2-9][0-9]{2}([.\-])[2-9][0-9]{2}\1)[0-9]{4}"
    + RIGHT
)
LEADING_ZERO = re.compile(
    LEFT
    + ALONE
    + r"(?!0[0-9]{4}-[0-9]{4}(?![0-9]))\(?0[1-9][0-9]{0,3}\)?(?:[ ./]|[ ]?-[ ]?)[0-9]{2,8}(?:[ .\-][0-9]{2,4}){0,4}"
    + RIGHT
    + r"(?![ ][0-9])"
)
CHINESE_MOBILE = re.compile(
    r"(?<![0-9A-Za-z_.+])(?<![0-9][\-/])(?:\+?86[ \-]?)?1[ \-.\n]?[3-9](?:[ \-.\n]?[0-9]){9}(?![0-9A-Za-z_])"
    r"(?![.\-/][0-9])"
)
CHINESE_SERVICE = re.compile(LEFT + r"[48]00[ \-]?[0-9]{3,4}[ \-]?[0-9]{3,4}" + RIGHT)
LABELLED = re.compile(LEFT + r"\(?\+?[0-9](?:[ .\-/]{0,3}[()]?[ ]?[0-9]){6,14}" + RIGHT)
MOBILE_PREFIX = re.compile(r"1(?:3[0-9]|4[5-9]|5[0-35-9]|6[2567]|7[0-8]|8[0-9]|9[0-35-9])")
"""Prefixes of mobile numbers in use (MIIT 2024): 13x, 145-149, 150-153, 155-159, 162, 165-167, 17x, 18x,
190-193, 195-199."""
DATES = re.compile(
    r"(?:19|20)[0-9]{2}[\-/. ][01]?[0-9][\-/. ][0-3]?[0-9]\b|[0-3]?[0-9][./][01]?[0-9][./](?:19|20)[0-9]{2}"
)


def phones(text: str, start: int, end: int) -> Iterator[Finding]:
    """Telephone numbers in folded text."""
    bounds = (start, end)
    for match in INTERNATIONAL.finditer(text, *bounds):
        if _state(match.group(), "ZZ") == 2:
            yield _finding(match, 0.95 if _near(text, match, bounds) else 0.9)
    for match in NORTH_AMERICAN.finditer(text, *bounds):
        if _near(text, match, bounds):
            state = _state(match.group(), "US")
            if state:
                yield _finding(match, 0.95 if state == 2 else 0.6)
        elif _state(match.group(), "US") == 2 and not contradicted(text, match.start(), start):
            yield _finding(match, 0.7)
    for match in CHINESE_MOBILE.finditer(text, *bounds):
        score = _mobile_score(text, match, bounds)
        if score:
            yield _finding(match, score)
    for match in LEADING_ZERO.finditer(text, *bounds):
        if (
            not contradicted(text, match.start(), start)
            and _is_valid(match.group(), _EUROPE)
            and _grouped(match.group())
        ):
            yield _finding(match, 0.7)
    for match in CHINESE_SERVICE.finditer(text, *bounds):
        if _near(text, match, bounds) and _state(match.group(), "CN") == 2:
            yield _finding(match, 0.85)


def labelled_phones(text: str, start: int, end: int) -> Iterator[Finding]:
    """Numbers of any grouping after a word that says so."""
    for word in _WORDS.finditer(text, start, end):
        match = LABELLED.search(text, word.end(), min(word.end() + 32, end))
        if match is None or match.start() - word.end() > 16 or _is_other(text, word.end(), match):
            continue
        regions = tuple(
            region for regions, words in _REGION_WORDS if words.fullmatch(word.group()) for region in regions
        )
        states = {_state(match.group(), region) for region in regions}
        if 2 in states:
            yield _finding(match, 0.95, LABELLED_HIT)
        elif 1 in states or DIRECTLY.fullmatch(text, word.end(), match.start()):
            yield _finding(match, 0.6, LABELLED_HIT)
    for word in BEHIND.finditer(text, start, end):
        for match in LABELLED.finditer(text, max(word.start() - 28, start), word.start()):
            if word.start() == match.end() and DATES.match(match.group()) is None:
                yield _finding(match, 0.7, LABELLED_HIT)


def _is_other(text: str, after: int, match: re.Match[str]) -> bool:
    between = text[after : match.start()]
    digits = re.sub("[^0-9]", "", match.group())
    return (
        "\n\n" in between
        or digits in "01234567890"
        or len(set(digits)) < 3
        or DATES.match(match.group()) is not None
        or contradicted(text, match.start(), after)
    )


def _mobile_score(text: str, match: re.Match[str], bounds: tuple[int, int]) -> float:
    number = re.sub("[^0-9]", "", match.group())
    number = number[2:] if number.startswith("86") and len(number) == 13 else number
    if len(set(number)) < 3:
        return 0.0
    if near(text, match.start(), match.end(), _CHINESE_WORDS, bounds):
        return 0.95
    if MOBILE_PREFIX.match(number) is None:
        return 0.0
    if match.group().startswith(("+86", "86")):
        return 0.95
    if contradicted(text, match.start(), bounds[0]) or match.group().count("\n") + match.group().count(".") > 1:
        return 0.0
    around = text[max(match.start() - 24, bounds[0]) : min(match.end() + 24, bounds[1])]
    return 0.85 if _CHINESE.search(around) else 0.0


def _grouped(number: str) -> bool:
    """A leading zero is also what counters and decimal fractions have: a telephone number has 9 digits or more."""
    return 9 <= len(re.sub("[^0-9]", "", number)) <= 12 and DATES.search(number) is None


def _near(text: str, match: re.Match[str], bounds: tuple[int, int]) -> bool:
    return near(text, match.start(), match.end(), _WORDS, bounds)


def _is_valid(number: str, regions: tuple[str, ...]) -> bool:
    return any(_state(number, region) == 2 for region in regions)


def _state(number: str, region: str) -> int:
    """2 when the plan of ``region`` has assigned the number's range, 1 when its length is possible, else 0."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return 0
    if phonenumbers.is_valid_number(parsed):
        return 2
    return int(phonenumbers.is_possible_number(parsed))


def _finding(match: re.Match[str], score: float, detector: str = HIT) -> Finding:
    return Finding(match.start(), match.end(), FindingKind.PHONE, score, detector)


PHONE = Detector(
    HIT,
    1,
    (FindingKind.PHONE,),
    (
        r"\+[1-9](?:[ .\-/()]{0,2}[0-9]){6}",
        r"[2-9][0-9]{2}[).\- ]{1,2}[2-9][0-9]{2}[ .\-][0-9]{4}",
        r"(?:^|[^0-9.])1[ \-.\n]?[3-9](?:[ \-.\n]?[0-9]){9}",
        r"\b0[1-9][0-9]{0,3}\)?[ ./\-]{1,3}[0-9]{2,8}[ .\-]?[0-9]{2}",
        r"\b[48]00[ \-]?[0-9]{3,4}[ \-]?[0-9]{3}",
    ),
    phones,
    reach=(72, 48),
    folded=True,
)
LABELLED_PHONE = Detector(
    LABELLED_HIT,
    1,
    (FindingKind.PHONE,),
    (*labelled(_ALL_WORDS, r"[0-9(+]", 14), r"(?i)[0-9] ?[\-,(]? ?(?:office|fax|mobile|cell)\b"),
    labelled_phones,
    reach=(40, 40),
    folded=True,
)
DETECTORS = (PHONE, LABELLED_PHONE)
