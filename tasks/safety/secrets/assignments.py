"""Secrets by the name they are given: ``api_key = "..."``, ``DB_PASSWORD=...``, ``"token": "..."``, ``密码：...``.

The name makes a value suspect, its rarity (:mod:`gristmill.tasks.safety.secrets.rarity`) makes it a secret: most values
of such names in code are variables, placeholders, types and examples. A value without quotes has to be rarer, because
most of those are expressions. A password may be made of words: with quotes or in a file of settings, one with at least
two of letters, digits and marks counts with half the score. Digests, UUIDs, tokens of pages and of forgery protection,
public keys and hashed passwords stay. The span is the value without its quotes.

Cost: one linear search for names near which the prefilter found one, and a window of 256 characters after each.
"""

import re
from collections.abc import Iterator

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding
from gristmill.tasks.safety.secrets.placeholders import is_placeholder
from gristmill.tasks.safety.secrets.rarity import rarity

NAMES = (
    r"passw(?:or)?d|passwd|passphrase|pwd|secret|token|api[_-]?key|apikey|app[_-]?key|access[_-]?key|auth[_-]?key|"
    r"account[_-]?key|private[_-]?key|encryption[_-]?key|signing[_-]?key|credentials?"
)
CHINESE_NAMES = "密码|口令|密钥|秘钥|令牌|授权码"
ASSIGNED = re.compile(
    rf"(?P<name>{NAMES}|{CHINESE_NAMES})(?P<rest>[\w.-]{{0,24}})[\"'\]\)]{{0,2}}[ \t]{{0,8}}"
    r"(?::\s?(?:str|string|String)\s?=|=>|:=|[=:：]|为|是)[ \t]{0,8}"
    r"(?:[bruf]{0,2}(?P<quote>[\"'`])(?P<quoted>[^\"'`\s]{8,200})(?P=quote)|(?P<bare>[A-Za-z0-9_+/=~.!#%^&*?@$-]{8,200}))",
    re.IGNORECASE,
)
BEFORE = 40  # characters before the name that may belong to it
NAME_BEFORE = re.compile(r"[\w.-]*\Z")
HARMLESS_NAME = re.compile(
    r"csrf|xsrf|public|tokeniz|token_?(?:type|name|count|id|index|limit|url|kind|class|expir)|(?:next|page|sync|continu|"
    r"cancel|end|start|stop|pad|unk|bos|eos|mask|sep|cls|error|field|lex\w*|syntax|invalid|keyword)[-_.]?token|"
    r"(?:key|secret|token|password)[-_.]?(?:name|id|path|file|ref|field|label|length|size|hint|prefix|version|manager)|"
    r"hash|digest|sha\d|md5|checksum|integrity|etag|commit|revision|fingerprint|site[-_]?key|reset|forgot|show|confirm",
    re.IGNORECASE,
)
PASSWORD_NAME = re.compile(rf"passw|pwd|passphrase|{CHINESE_NAMES[:5]}", re.IGNORECASE)
TOKEN_NAME = re.compile("token|令牌|授权码", re.IGNORECASE)
SETTING = re.compile(r"(?:\A|\n)[ \t]*(?:export[ \t]+|-[ \t]+)?[A-Z][A-Z0-9_.]*\Z")
UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
HASHED = re.compile(r"\$\d\w?\$|\{(?:SSHA|CRYPT|MD5)\}|sha\d+[-:]|md5[-:]|pbkdf2|argon2|bcrypt|scrypt", re.IGNORECASE)
CLASSES = (re.compile("[A-Za-z]"), re.compile("[0-9]"), re.compile(r"[^A-Za-z0-9_.-]"))

QUOTED_RARITY, BARE_RARITY = 0.5, 0.9
HUMAN_SCORE = 0.5
MIN_BARE = 12
MAX_SCORE = 0.95  # a name and a rare value are not yet a key that anybody has tried


def assigned(text: str, start: int, end: int) -> Iterator[Finding]:
    """Values of names such as ``password`` and ``api_key`` that look like secrets."""
    for match in ASSIGNED.finditer(text, start, end):
        value = match["quoted"] or match["bare"]
        lead = text[max(start, match.start() - BEFORE) : match.start()]
        before = NAME_BEFORE.search(lead)
        name = (before.group() if before else "") + match["name"] + match["rest"]
        if HARMLESS_NAME.search(name) or is_placeholder(value) or HASHED.match(value) or UUID.fullmatch(value):
            continue
        is_password = PASSWORD_NAME.search(match["name"]) is not None
        score = _score(value, is_password, match["quoted"] is not None, _is_setting(lead, match["name"]))
        if score:
            place = match.start("quoted" if match["quoted"] else "bare")
            yield Finding(place, place + len(value), _kind(match["name"]), score, ASSIGNED_SECRET.name)


def _score(value: str, is_password: bool, quoted: bool, setting: bool) -> float:
    """0 for a value that does not look like a secret."""
    rare = rarity(value)
    if rare >= (QUOTED_RARITY if quoted else BARE_RARITY) and (quoted or len(value) >= MIN_BARE or setting):
        return min(rare, MAX_SCORE) if quoted or CLASSES[1].search(value) else 0.0
    kinds = sum(expression.search(value) is not None for expression in CLASSES)
    if is_password and kinds >= 2 and CLASSES[1].search(value) and (quoted or setting):
        return HUMAN_SCORE
    return 0.0


def _is_setting(lead: str, name: str) -> bool:
    return name.isupper() and SETTING.search("\n" + lead[lead.rfind("\n") + 1 :] + name) is not None


def _kind(name: str) -> FindingKind:
    if PASSWORD_NAME.search(name):
        return FindingKind.PASSWORD
    return FindingKind.ACCESS_TOKEN if TOKEN_NAME.search(name) else FindingKind.API_KEY


ASSIGNED_SECRET = Detector(
    "secret:assigned",
    1,
    (FindingKind.PASSWORD, FindingKind.API_KEY, FindingKind.ACCESS_TOKEN),
    (
        rf"(?i)(?:{NAMES})[A-Za-z0-9_.-]{{0,24}}[\"'\])]{{0,2}}[ \t]{{0,8}}(?::[ ]?string[ ]?=|:[ ]?str[ ]?=|=|:)",
        rf"(?:{CHINESE_NAMES})[ \t]{{0,8}}(?:[=:：]|为|是)",
    ),
    assigned,
    reach=(120, 256),
)
DETECTORS = (ASSIGNED_SECRET,)
