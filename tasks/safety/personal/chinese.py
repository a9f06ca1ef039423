"""Chinese identifiers: 身份证 of 18 and 15 digits, 统一社会信用代码, 护照, 车牌, 微信 and QQ.

身份证: the district must be one that GB/T 2260 has or had (python-stdnum's list), or one of its province's
that the list lacks; the date must exist; of 18 digits the last is ISO 7064 mod 11-2 (GB 11643). Fifteen digits
have no check digit, so they need a word. 统一社会信用代码: mod 31-3 (GB 32100). Plates: GA 36, with new-energy
plates of six characters; they need a digit, and score .95 with a word and .8 without. 护照, 微信 and QQ mean
nothing without their word.
"""

import re
from collections.abc import Iterator
from datetime import date
from functools import cache

from stdnum.cn import ric, uscc

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding
from gristmill.tasks.safety.personal.rules import LEFT, RIGHT, NumberRule, any_of, digits_of, labelled, near

ID_WORDS = (
    "身份证",
    "身份證",
    "证件号",
    "证件号码",
    "身份号码",
    "公民身份",
    "居民身份",
    "证号",
    "id card",
    "id number",
    "identity card",
    "identity number",
    "resident id",
    "shenfenzheng",
    "sfz",
)
PLATE_WORDS = any_of(("车牌", "車牌", "车号", "号牌", "牌照", "plate", "license plate", "number plate"))
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
PLATE = re.compile(
    rf"[{PROVINCES}][A-HJ-NP-Z][ ·•・.\-]?"
    r"(?:[DF][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[DF]|(?=[A-Z]{0,4}[0-9])[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9学警挂港澳])"
    r"(?![0-9A-Za-z])"
)
ID_FORM = re.compile(
    r"(?<![0-9A-Za-z_.])(?<![0-9][\-/])[1-9](?:[ \-.\n]?[0-9]){14}(?:(?:[ \-.\n]?[0-9]){2}[ \-.\n]?[0-9Xx])?" + RIGHT
)
YEARS = range(1880, 2036)
WECHAT_WORDS = (
    "(?:微信号|微信ID|微信id|微信|微 信|薇信|威信|加微|加V|加v|WeChat ?ID|wechat ?id|WeChat|wechat|Wechat"
    "|weixin|WX|wx|VX|vx"
    "|V信|v信|vx号)"
)
WECHAT = re.compile(
    rf"(?<![A-Za-z0-9_.]){WECHAT_WORDS}(?P<sign>号|账号|号码)?(?:[ ]?(?P<colon>[:：]|是|为)[ ]?|[ ])"
    rf"(?P<id>[A-Za-z][A-Za-z0-9_\-]{{5,19}})(?![A-Za-z0-9_.@/\-])"
)
QQ = re.compile(
    r"(?<![A-Za-z0-9_.])(?:[QqＱ]{2}|扣扣|企鹅号)(?P<group>群)?(?:号码|号|联系)?[ ]?(?:[:：]|是"
    r"|为)?[ ]?(?P<id>[1-9][0-9]{4,10})(?![0-9A-Za-z_]|[.\-][0-9])"
)
_ID_WORDS = any_of(ID_WORDS)


def resident_ids(text: str, start: int, end: int) -> Iterator[Finding]:
    """身份证: 18 digits .95 and with a word .99, 15 digits .8 with a word."""
    for match in ID_FORM.finditer(text, start, end):
        number = digits_of(match.group())
        with_word = near(text, match.start(), match.end(), _ID_WORDS, (start, end))
        if len(number) == 18 and is_resident_id(number):
            yield Finding(match.start(), match.end(), FindingKind.NATIONAL_ID, 0.99 if with_word else 0.95, ID_HIT)
        elif len(number) == 15 and with_word and is_old_resident_id(number):
            yield Finding(match.start(), match.end(), FindingKind.NATIONAL_ID, 0.8, ID_HIT)


def is_resident_id(number: str) -> bool:
    """Whether 18 digits, the last perhaps X, are a 身份证."""
    return (
        ric.calc_check_digit(number) == number[-1]
        and _is_date(number[6:10], number[10:12], number[12:14])
        and _is_district(number[:6])
    )


def is_old_resident_id(number: str) -> bool:
    """Whether 15 digits are a 身份证 as they were given out until 1999."""
    return _is_date("19" + number[6:8], number[8:10], number[10:12]) and _is_district(number[:6])


def _is_date(year: str, month: str, day: str) -> bool:
    try:
        return date(int(year), int(month), int(day)).year in YEARS
    except ValueError:
        return False


@cache
def _is_district(code: str) -> bool:
    from stdnum import numdb

    return any("county" in found for _, found in numdb.get("cn/loc").info(code))


def plates(text: str, start: int, end: int) -> Iterator[Finding]:
    """Number plates of the mainland."""
    for match in PLATE.finditer(text, start, end):
        with_word = near(text, match.start(), match.end(), PLATE_WORDS, (start, end))
        yield Finding(match.start(), match.end(), FindingKind.VEHICLE_PLATE, 0.95 if with_word else 0.8, PLATE_HIT)


def wechat_names(text: str, start: int, end: int) -> Iterator[Finding]:
    """微信 names after their word: .9 after 微信号, .7 after 微信 alone, which must have a digit or an underscore."""
    for match in WECHAT.finditer(text, start, end):
        name = match["id"]
        certain = match["sign"] is not None or match.group().startswith(
            ("微信号", "微信ID", "微信id", "WeChat ID", "wechat id")
        )
        marked = re.search(r"[0-9_]", name) is not None
        if marked or (certain and match["colon"]):
            score = 0.9 if certain else 0.7
            yield Finding(match.start("id"), match.end("id"), FindingKind.WECHAT, score, WECHAT_HIT)


def qq_numbers(text: str, start: int, end: int) -> Iterator[Finding]:
    """QQ numbers: .9, and .6 for those of groups."""
    for match in QQ.finditer(text, start, end):
        yield Finding(match.start("id"), match.end("id"), FindingKind.QQ, 0.6 if match["group"] else 0.9, QQ_HIT)


ID_HIT, PLATE_HIT, WECHAT_HIT, QQ_HIT = "checksum:cn_resident_id", "rule:cn_plate", "rule:wechat", "rule:qq"
RESIDENT_ID = Detector(
    ID_HIT,
    1,
    (FindingKind.NATIONAL_ID,),
    (
        r"(?:^|[^0-9.])[1-6][ \-.\n]?[1-7](?:[ \-.\n]?[0-9]){15}[ \-.\n]?[0-9Xx]",
        *labelled(ID_WORDS, "[1-6]"),
    ),
    resident_ids,
    reach=(96, 48),
    folded=True,
)
VEHICLE_PLATE = Detector(
    PLATE_HIT,
    1,
    (FindingKind.VEHICLE_PLATE,),
    (rf"[{PROVINCES}][A-HJ-NP-Z][ ·•・.\-]?[A-HJ-NP-Z0-9]{{4}}",),
    plates,
    reach=(56, 32),
    folded=True,
)
WECHAT_NAME = Detector(
    WECHAT_HIT,
    1,
    (FindingKind.WECHAT,),
    (rf"{WECHAT_WORDS}(?:号码|账号|号)?[ ]?(?:[:：]|是|为|[ ])[ ]?[A-Za-z][A-Za-z0-9_\-]{{5}}",),
    wechat_names,
    reach=(32, 24),
    folded=True,
)
QQ_NUMBER = Detector(
    QQ_HIT,
    1,
    (FindingKind.QQ,),
    (r"(?:[Qq]{2}|扣扣|企鹅号)[群号码联系:： 是为]{0,6}[1-9][0-9]{4}",),
    qq_numbers,
    reach=(24, 16),
    folded=True,
)
USCC = NumberRule(
    "checksum:cn_uscc",
    1,
    FindingKind.ORGANIZATION_ID,
    (r"\b[1-9ANY][1239][0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}\b",),
    re.compile(LEFT + r"[1-9ANY][1239][0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}" + RIGHT),
    lambda number: not number.isdigit() and bool(uscc.is_valid(number)),
    ("统一社会信用代码", "信用代码", "税号", "纳税人识别号", "营业执照", "uscc", "credit code"),
    0.85,
    0.98,
).detector()
PASSPORT_NUMBER = NumberRule(
    "rule:passport",
    1,
    FindingKind.PASSPORT,
    labelled(
        ("护照", "護照", "passport", "passport no", "passport number", "reisepass", "passeport", "pasaporte"),
        "[0-9A-Z]",
        16,
    ),
    re.compile(LEFT + r"(?:[A-Z][A-Z0-9][0-9]{6,7}|[0-9]{9}|[A-Z]{2}[0-9]{6,7})" + RIGHT),
    lambda number: len(set(number)) > 3,
    ("护照", "護照", "passport", "reisepass", "passeport", "pasaporte"),
    0.0,
    0.85,
).detector()
DETECTORS = (RESIDENT_ID, VEHICLE_PLATE, WECHAT_NAME, QQ_NUMBER, USCC, PASSPORT_NUMBER)
