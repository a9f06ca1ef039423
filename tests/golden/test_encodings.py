"""Encodings of pages: 27 of them, 40 languages, labels true, wrong or missing (sentences of shared/corpora)."""

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from gristmill.tasks.extraction.decoding import decode

LANGUAGES = {
    "utf-8": "de fr ru zh ja hi th ar vi el",
    "cp1252": "de fr es pt sv nl it da",
    "iso8859-15": "fr fi de et",
    "iso8859-2": "pl cs hu sl hr",
    "cp1250": "pl cs hu ro sk",
    "cp1251": "ru bg uk sr be mk",
    "koi8-r": "ru",
    "koi8-u": "uk",
    "iso8859-5": "ru bg sr",
    "cp866": "ru",
    "mac_cyrillic": "ru",
    "cp1253": "el",
    "iso8859-7": "el",
    "cp1254": "tr",
    "cp1255": "he",
    "cp1256": "ar",
    "iso8859-6": "ar",
    "cp1257": "lt lv et",
    "cp874": "th",
    "gb18030": "zh",
    "big5": "zh-Hant",
    "cp932": "ja",
    "euc_jp": "ja",
    "iso2022_jp": "ja",
    "cp949": "ko",
    "utf-16-le": "en ja",
    "utf-16-be": "en",
}
LABELS = {
    "cp1252": "iso-8859-1",
    "cp1250": "windows-1250",
    "cp1251": "windows-1251",
    "cp866": "ibm866",
    "mac_cyrillic": "x-mac-cyrillic",
    "cp1253": "windows-1253",
    "cp1254": "iso-8859-9",
    "cp1255": "windows-1255",
    "cp1256": "windows-1256",
    "cp1257": "windows-1257",
    "cp874": "tis-620",
    "gb18030": "gb2312",
    "cp932": "shift_jis",
    "euc_jp": "euc-jp",
    "iso2022_jp": "iso-2022-jp",
    "cp949": "euc-kr",
}
WRONG = ("windows-1251", "gb2312", "shift_jis", "euc-kr", "iso-8859-2", "koi8-r", "big5", "windows-1254")
SENTENCES, PAGES = 8, 3
# Sentences of the corpus that were garbled before it was made, and characters that Python and others encode otherwise.
GARBLED = {"ro": "ż˝", "el": "µ΅", "ja": "～―∥－￠￡￢"}
LEAST_SHARE = 0.006  # of the sentences of a language that must hold a character, for it to be of that language


@pytest.fixture(scope="module")
def sentences(shared: Path) -> dict[str, list[str]]:
    found = defaultdict(list)
    folder = shared / "corpora" / "langid"
    for row in rows(folder / "lingua_testdata_75langs.jsonl.gz"):
        if row["unit"] == "sentences":
            found[row["lang"]].append(row["text"])
    for row in rows(folder / "udhr_paragraphs.jsonl.gz"):
        if "Hant" in row["bcp47"]:
            found["zh-Hant"].append(row["text"])
    return {language: clean(language, texts) for language, texts in found.items()}


def rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def clean(language: str, texts: list[str]) -> list[str]:
    known = Counter(character for text in texts for character in set(text))
    rare = {char for char, count in known.items() if char > "\x7f" and count < LEAST_SHARE * len(texts)}
    rare = (rare if len(known) < 400 else set()) | set(GARBLED.get(language, ""))
    return [text for text in texts if not any(char in rare or "\x80" <= char < "\xa0" for char in text)]


def encodable(texts: list[str], codec: str) -> Iterator[str]:
    for text in texts:
        try:
            text.encode(codec)
        except UnicodeEncodeError:
            continue
        yield text


def pages(sentences: dict[str, list[str]]) -> Iterator[tuple[str, str, list[str]]]:
    """Codec, language and the sentences of a page."""
    for codec, languages in LANGUAGES.items():
        for language in languages.split():
            usable = list(encodable(sentences[language], codec))
            for first in range(0, PAGES * SENTENCES, SENTENCES):
                yield codec, language, usable[first : first + SENTENCES]


def html(text: list[str], meta: str | None) -> str:
    tag = f'<meta http-equiv="content-type" content="text/html; charset={meta}">' if meta else ""
    body = "".join(f"<p>{sentence}</p>\n" for sentence in text)
    return f"<html><head>{tag}<title>{text[0]}</title></head><body><a href=/>Home</a>{body}<p>Copyright 2020</p>"


def labelled(codec: str, wrong: str) -> list[tuple[str | None, str | None]]:
    """Header and meta: true, missing, wrong, and a true one beside a wrong one."""
    true = LABELS.get(codec, codec)
    if codec.startswith("utf-16"):
        return [(true, None), (None, None), ("iso-8859-1", None), (true, "iso-8859-1")]
    return [
        (true, None),
        (None, true),
        (None, None),
        ("utf-8", None),
        ("iso-8859-1", None),
        ("iso-8859-1", true),
        (wrong, None),
        (None, wrong),
        (true, wrong),
    ]


def test_pages_in_27_encodings_are_read_whatever_the_labels_say(sentences: dict[str, list[str]]) -> None:
    right: Counter[str] = Counter()
    failed = []
    for number, (codec, language, text) in enumerate(pages(sentences)):
        for header, meta in labelled(codec, WRONG[number % len(WRONG)]):
            page = html(text, meta)
            decoded = decode(page.encode(codec), header, is_html=True)
            if decoded is not None and decoded[0] == page:
                right[codec] += 1
            else:
                failed.append((codec, language, header, meta, decoded and decoded[1]))
    assert len(right) == len(LANGUAGES)
    assert right.total() + len(failed) > 1500
    assert len(failed) <= 0.005 * (right.total() + len(failed)), failed


@pytest.mark.parametrize("label", [None, "utf-8", "iso-8859-1"])
@pytest.mark.parametrize("stray", [b"\x92", b"\xe9", b"\xff", b"\xc3", b"\xe2\x80"])
def test_no_utf8_page_is_lost_to_one_byte(sentences: dict[str, list[str]], label: str | None, stray: bytes) -> None:
    """However short it is: one sentence, in any language, with at least one character beyond ASCII."""
    tried = 0
    for texts in sentences.values():
        for text in texts[::40]:
            if text.isascii():
                continue
            data = f"<p>{text} ".encode() + stray + b" and more</p>"
            decoded = decode(data, label, is_html=True)
            assert decoded == (data.decode("utf-8", "replace"), "utf-8")
            tried += 1
    assert tried > 300
