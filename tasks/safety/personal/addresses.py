"""Postal addresses, by rules: what a house has in an address, in the order of the country.

Chinese: a province, municipality or region, or a word such as 地址 or 住址, then parts that end in 市 区 县 镇
路 街 ..., then a house or a flat with its number (.85 with a word, .65 without). English: a number, one to
four capitalised words and a street suffix of USPS Publication 28, then whatever of flat, city, state and
postcode follows (.85 with a word or with state and ZIP code, .6 without). French and German: number and rue,
Straße and number, with a postcode (.8). Cost: each rule looks at 200 characters around a house number.
"""

import re
from collections.abc import Iterator

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding
from gristmill.tasks.safety.personal.rules import any_of, in_bytes, near

PROVINCE = (
    "北京|上海|天津|重庆|河北省?|山西省?|辽宁省?|吉林省?|黑龙江省?|江苏省?|浙江省?|安徽省?|福建省?|江西省?|山东省?|河南省?|湖北省?|湖南省?|广东省?|海南省?|四川省?|贵州省?|"
    "云南省?|陕西省?|甘肃省?|青海省?|台湾省?|臺灣|内蒙古(?:自治区)?|广西(?:壮族自治区)?|西藏(?:自治区)?|宁夏(?:回族自治区)?|新疆(?:维吾尔自治区)?|香港(?:特别行政区)?|澳门(?:特别行政区)?"
)
CHINESE_WORDS = (
    "地址|住址|住所|寄往|寄到|寄至|家住|住在|居住于|收货地址|通讯地址|通信地址|联系地址|户籍|籍贯|现住|送至|位于|坐落于"
)
HAN = "[\u4e00-\u9fff]"
NUMBER = r"(?:[0-9]{1,5}|[A-Za-z]|[一二三四五六七八九十百]{1,4})(?:-[0-9]{1,4})?"
HOUSE = rf"{NUMBER}[ ]?(?:号院?楼?|號|弄|座|栋|棟|幢|室|单元|楼|樓|层|巷|组|户)(?![线線])"
STREET = r"(?:大道|路|街道?|道|巷|弄|胡同|里|村|镇|乡|庄|小区|花园|新村|苑|公寓|大厦|广场|段)"
HOUSES = re.compile(HOUSE)
LEAD = re.compile(f"(?:{CHINESE_WORDS})[ ]?[:：为是]?[ ]?")
PROVINCES = re.compile(f"(?:{PROVINCE})市?")
PART = re.compile(f"(?:市|区|县|旗|州|盟|{STREET})")
BREAK = re.compile("[^\u4e00-\u9fff0-9A-Za-z:：· -]")
BACK, GAP = 60, 10
SUFFIX = (
    "Alley|Aly|Avenue|Ave|Bend|Boulevard|Blvd|Branch|Bridge|Brook|Bypass|Camp|Canyon|Cape|Causeway|Center|Centre|Circle|Cir|Circles|Cliff|Cliffs|Club|"
    "Common|Corner|Corners|Course|Court|Courts|Ct|Cove|Coves|Creek|Crescent|Crest|Crossing|Crossroad|Curve|Dale|Dam|Divide|Drive|Drives|Dr|Estate|Estates|"
    "Expressway|Extension|Extensions|Fall|Falls|Ferry|Field|Fields|Flat|Flats|Ford|Fords|Forest|Forge|Forges|Fork|Forks|Fort|Freeway|Garden|Gardens|Gateway|"
    "Glen|Glens|Green|Greens|Grove|Groves|Harbor|Harbors|Haven|Heights|Highway|Hwy|Hill|Hills|Hollow|Inlet|Island|Islands|Isle|Junction|Junctions|Key|Keys|"
    "Knoll|Knolls|Lake|Lakes|Land|Landing|Lane|Ln|Light|Lights|Loaf|Lock|Locks|Lodge|Loop|Mall|Manor|Manors|Meadow|Meadows|Mews|Mill|Mills|Mission|Motorway|"
    "Mount|Mountain|Mountains|Neck|Orchard|Oval|Overpass|Park|Parks|Parkway|Parkways|Pkwy|Pass|Passage|Path|Pike|Pine|Pines|Place|Pl|Plain|Plains|Plaza|"
    "Point|Points|Port|Ports|Prairie|Radial|Ramp|Ranch|Rapid|Rapids|Rest|Ridge|Ridges|River|Road|Roads|Rd|Route|Row|Rue|Run|Shoal|Shoals|Shore|Shores|"
    "Skyway|Spring|Springs|Spur|Spurs|Square|Squares|Sq|Station|Stravenue|Stream|Street|Streets|St|Summit|Terrace|Ter|Throughway|Trace|Track|Trafficway|"
    "Trail|Trl|Tunnel|Turnpike|Underpass|Union|Unions|Valley|Valleys|Via|Viaduct|View|Views|Village|Villages|Ville|Vista|Walk|Walks|Wall|Way|Ways|Well|Wells"
)
COMMON_SUFFIX = re.compile(
    r"(?:Avenue|Ave|Boulevard|Blvd|Court|Ct|Crescent|Drive|Dr|Highway|Hwy|Lane|Ln|Parkway|Pkwy|Place|Road|Rd|Square|Street|St|Terrace|Way)\.?"
)
TOWN = r"[A-ZÀ-Þ](?:[^\W\d_]|[.'’-])+(?:[ ][A-ZÀ-Þ](?:[^\W\d_]|[.'’-])+){0,2}"
UNIT = r"(?:Apt|Apartment|Suite|Ste|Unit|Floor|Room|#)\.?[ ]?[0-9A-Za-z]{1,6}"
STATE_ZIP = r"[A-Z]{2}[ ]{1,2}[0-9]{5}(?:-[0-9]{4})?"
ENGLISH = re.compile(
    rf"(?<![0-9A-Za-z.,$#/-])"
    rf"[0-9]{{1,6}}[A-Za-z]?[ ](?:[NSEW]\.?[ ])?(?!The |Way )"
    rf"(?:[A-Z][A-Za-z'’.-]+[ ]){{1,4}}?(?P<suffix>(?:{SUFFIX})\b\.?)"
    rf"(?:,?[ \n]{{1,2}}{UNIT})?(?P<town>,?[ \n]{{1,2}}{TOWN},?[ \n](?P<state>{STATE_ZIP}))?"
)
MILITARY = re.compile(
    rf"(?:PSC [0-9]{{1,5}}, Box [0-9]{{1,5}}|Unit [0-9]{{1,5}} Box [0-9]{{1,5}}|US(?:S|NS|CGC|NV) {TOWN}"
    rf"|P\.?O\.? Box [0-9]{{1,6}})(?:,?[ \n](?:{TOWN},?|[FAD]PO)[ \n]{STATE_ZIP})?"
)
FRENCH = re.compile(
    rf"(?<![0-9A-Za-z])[0-9]{{1,4}}(?:[ ]?(?:bis|ter))?,?[ ](?:rue|avenue|boulevard|place|chemin|impasse"
    rf"|allée|quai|cours|route)[ ][^\n,]{{2,40}}(?:,[ ]?|\n|[ ])[0-9]{{5}}[ ]{TOWN}"
)
GERMAN = re.compile(
    rf"(?<![A-Za-z-])(?:[A-ZÄÖÜ][a-zäöüß.]+-)*(?:[A-ZÄÖÜ][a-zäöüß.]+[ ]?)?(?:[Ss]traße|[Ss]trasse|[Ss]tr\."
    rf"|[Ww]eg|[Pp]latz|[Aa]llee|[Gg]asse|[Rr]ing)[ ][0-9]{{1,4}}[a-z]?(?:[-/][0-9]{{1,4}})?(?:,[ ]?|\n|[ ])"
    rf"[0-9]{{5}}[ ]{TOWN}"
)
HIT = "rule:postal_address"
_WORDS = any_of(
    (
        "address",
        "ship to",
        "shipping",
        "mailing",
        "lives at",
        "live at",
        "located at",
        "office is at",
        "residence",
        "deliver to",
        "send to",
        "mail to",
        "visit us",
    )
)


def addresses(text: str, start: int, end: int) -> Iterator[Finding]:
    """Postal addresses."""
    yield from _chinese(text, start, end)
    for match in ENGLISH.finditer(text, start, end):
        with_word = near(text, match.start(), match.end(), _WORDS, (start, end))
        if with_word or match["state"]:
            yield _finding(*match.span(), 0.85)
        elif COMMON_SUFFIX.fullmatch(match["suffix"]):
            yield _finding(*match.span(), 0.6)
    for pattern, score in ((MILITARY, 0.7), (FRENCH, 0.8), (GERMAN, 0.8)):
        for match in pattern.finditer(text, start, end):
            yield _finding(*_trimmed(text, *match.span()), score)


def _chinese(text: str, start: int, end: int) -> Iterator[Finding]:
    """Back from each house number to the word or the province that the address begins with."""
    houses = [match.span() for match in HOUSES.finditer(text, start, end)]
    free = start
    for place, (first, last) in enumerate(houses):
        if first < free:
            continue
        begin = max(
            [free, first - BACK, *(match.end() for match in BREAK.finditer(text, max(free, first - BACK), first))]
        )
        words = [match.end() for match in LEAD.finditer(text, begin, first)]
        province = PROVINCES.search(text, begin, first)
        address = words[-1] if words else province.start() if province else None
        if address is None or PART.search(text, address + 1, first) is None:
            continue
        for next_first, next_last in houses[place + 1 :]:  # flat, stairs and floor after the house
            if next_first - last > GAP or BREAK.search(text, last, next_first):
                break
            last = next_last
        yield _finding(address, last, 0.85 if words else 0.65)
        free = last


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    return start, start + len(text[start:end].rstrip(" \n.,;"))


def _finding(start: int, end: int, score: float) -> Finding:
    return Finding(start, end, FindingKind.POSTAL_ADDRESS, score, HIT)


POSTAL_ADDRESS = Detector(
    HIT,
    1,
    (FindingKind.POSTAL_ADDRESS,),
    (
        in_bytes("[0-9A-Za-z] ?(?:号|號|弄|座|栋|棟|幢|室|单元|楼|樓|层|巷|组|户)"),
        r"\b[0-9]{1,6}[A-Za-z]? [A-Z][A-Za-z'.]",
        r"\bPSC [0-9]{1,5}, Box [0-9]",
        r"\bUnit [0-9]{1,5} Box [0-9]",
        r"\bP\.?O\.? Box [0-9]",
        r"\bUS(?:S|NS|CGC|NV) [A-Z][a-z]{2,20}, [FAD]PO",
        r"\b[0-9]{1,4}(?: ?bis| ?ter)?,? (?:rue|avenue|boulevard|place|chemin|impasse|quai|cours|route) ",
        r"(?:traße|trasse|tr\.|[Ww]eg|[Pp]latz|[Aa]llee|[Gg]asse|[Rr]ing)"
        r" [0-9]{1,4}[a-z]?(?:[-/][0-9]{1,4})?[, \n]{1,2}[0-9]{5} ",
    ),
    addresses,
    reach=(64, 140),
)
DETECTORS = (POSTAL_ADDRESS,)
