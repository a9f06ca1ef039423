"""The forms of an entry that a word list looks for in folded text, and the expressions by which they are looked for.

Folding undoes what is done to single characters (:mod:`gristmill.tasks.safety.harm.fold`). What is done to words is
listed here: endings, letters masked by stars (``f*ck``, ``f**k``), Chinese characters written in pinyin (``操ni妈``) or
taken apart into others (``弓虽女干``); homophones stand in the list itself, because only some of them are in use.
Source of the kinds: PCR-ToxiCN (arXiv 2507.07640), ToxiBenchCN (2505.24341).

The expressions are Hyperscan's, over bytes: each letter with the signs that stand for it, repeated, with up to three
separators between two Han characters. Together with :data:`EVADED`, which finds letters taken apart, other alphabets,
invisible characters and emoji inside Latin words, they hold wherever a form may be found in the folded text.
"""

import re
from collections.abc import Iterator

from gristmill.tasks.safety.harm.fold import LEET, fold

ENDINGS = ("", "s", "es", "ed", "er", "ers", "ing", "in")
VOWELS = "aeiou"
PINYIN = {
    "傻": "sha", "逼": "bi", "操": "cao", "草": "cao", "你": "ni", "妈": "ma", "死": "si", "他": "ta", "的": "de",
    "贱": "jian", "人": "ren", "婊": "biao", "子": "zi", "脑": "nao", "残": "can", "智": "zhi", "障": "zhang",
    "黑": "hei", "鬼": "gui", "杀": "sha", "弄": "nong", "砍": "kan", "自": "zi", "约": "yue", "炮": "pao",
    "口": "kou", "交": "jiao", "裸": "luo", "聊": "liao", "卖": "mai", "淫": "yin", "滚": "gun", "蛋": "dan",
    "畜": "chu", "生": "sheng", "王": "wang", "八": "ba", "去": "qu", "吧": "ba", "母": "mu", "狗": "gou",
}  # fmt: skip
PARTS = {
    "奸": "女干", "强": "弓虽", "妈": "女马", "你": "亻尔", "贱": "贝戋", "杀": "乂木", "婊": "女表", "操": "扌喿",
    "傻": "亻儍", "死": "歹匕", "炮": "火包", "她": "女也", "好": "女子", "骗": "马扁", "赌": "贝者", "枪": "木仓",
}  # fmt: skip
MOST_MIXED = 4  # characters of an entry whose mixed forms are made

HAN_SEPARATED = r"(?:[ .\-_*~/|+=,'`^#@&%$]|\xc2\xb7|\xe3\x83\xbb|\xe2\x80[\x8b-\xa6]|\xf0\x9f[\x80-\xbf]{2}){0,3}"
EVADED = (
    r"(?i)(?:^|[^a-z0-9])[a-z0-9@$!](?:[ .\-_*~/|+=,'`^#]{1,3}[a-z0-9@$!]){2}(?:[^a-z0-9]|$)",
    r"[A-Za-z](?:[\xce-\xd1][\x80-\xbf]|[\xcc\xcd][\x80-\xbf]|\xe2\x80[\x8b-\x8f]|\xe2\x81\xa0|\xef\xbb\xbf|\xc2\xad)",
    r"[\xce-\xd1][\x80-\xbf][A-Za-z]",
    r"[A-Za-z](?:\xf0\x9f[\x80-\xbf]{2}|\xe2[\x98-\x9e][\x80-\xbf])(?:\xef\xb8\x8f)?[A-Za-z]",
    r"\xef(?:\xbd[\x81-\x9a]|\xbc[\xa1-\xba])\xef(?:\xbd[\x81-\x9a]|\xbc[\xa1-\xba])",
    r"\xf0\x9d[\x90-\x9f][\x80-\xbf]",
    r"\xf0\x9f[\x84\x85][\x80-\xbf]",
    r"\xe2(?:\x92[\x9c-\xbf]|\x93[\x80-\xa9])",
)
SIGNS: dict[str, str] = {}
for _sign, _stands_for in LEET.items():
    if _sign.isascii():
        SIGNS[_stands_for] = SIGNS.get(_stands_for, "") + _sign
ACCENTS = {"a": r"\xa0-\xa5", "e": r"\xa8-\xab", "i": r"\xac-\xaf", "o": r"\xb2-\xb6", "u": r"\xb9-\xbc"}


def is_latin(entry: str) -> bool:
    """Whether an entry is written in Latin letters alone."""
    return entry.isascii()


def forms(entry: str, *, endings: bool) -> Iterator[tuple[str, bool]]:
    """Every form of ``entry`` in folded text, and whether it is an evasion."""
    plain = fold(entry).text
    if not is_latin(plain):
        yield plain, False
        for form in _mixed(plain):
            yield form, True
        return
    for ending in ENDINGS if endings else ("",):
        yield plain + ending, False
        for masked in _masked(plain):
            yield masked + ending, True


def expression(entry: str, *, endings: bool) -> str:
    """The Hyperscan expression of an entry, which holds for each of its forms but those in pinyin or taken apart."""
    plain = fold(entry).text
    if not is_latin(plain):
        return HAN_SEPARATED.join(_bytes(character) for character in plain)
    letters = "".join(_letter(character) for character in plain)
    ending = f"(?:{'|'.join(ENDINGS[1:])})?" if endings else ""
    return rf"(?i)(?:^|[^a-z]){letters}{ending}(?:[^a-z]|$)"


def stars(word: str) -> str:
    """A word of which only the first and the last letter are left."""
    return word[0] + "*" * (len(word) - 2) + word[-1]


def literal(form: str) -> str:
    """The expression of a form as it stands, in any case."""
    return "(?i)" + "".join(_bytes(character) for character in form)


def _letter(character: str) -> str:
    if character not in "abcdefghijklmnopqrstuvwxyz":
        return _bytes(character)
    signs = "".join(f"\\x{ord(sign):02x}" for sign in SIGNS.get(character, ""))
    star = r"\*" if character in VOWELS else ""
    plain = f"[{character}{signs}{star}]+"
    return f"(?:{plain}|\\xc3[{ACCENTS[character]}])" if character in ACCENTS else plain


def _bytes(character: str) -> str:
    if character.isascii():
        return character if character.isalnum() else f"\\x{ord(character):02x}"
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8"))


def _masked(word: str) -> Iterator[str]:
    if len(word) < 4 or not word.isalpha():
        return
    yield stars(word)
    every = "".join("*" if letter in VOWELS and place else letter for place, letter in enumerate(word))
    single = {word[:at] + "*" + word[at + 1 :] for at, letter in enumerate(word) if letter in VOWELS and at}
    yield from sorted((single | {every}) - {word})


def _mixed(entry: str) -> Iterator[str]:
    """Some characters in pinyin or taken apart, and not all of them in pinyin."""
    if len(entry) > MOST_MIXED:
        return
    options = [[character, *(t[character] for t in (PINYIN, PARTS) if character in t)] for character in entry]
    found = [""]
    for option in options:
        found = [before + part for before in found for part in option]
    yield from sorted({form for form in found if form != entry and not re.fullmatch("[a-z]+", form)})
