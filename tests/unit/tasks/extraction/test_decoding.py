"""Encodings of pages whose bytes are damaged, whose labels are wrong, or that are no text (cases curation/04 to 06)."""

import random

import pytest

from gristmill.tasks.extraction.decoding import LATIN, decode
from gristmill.tasks.extraction.plausibility import languages_of, read
from gristmill.tasks.ingest.readers.media import split_type

COUNCIL = "The council’s plan “works”, the mayor said, and the owners of the café agreed with most of it."
CHINESE = "市政府昨天宣布，新的供水计划将于下个月开始实施，居民对此表示欢迎。记者在会后采访了几位老居民。"
RUSSIAN = "Городской совет вчера объявил, что новый план водоснабжения начнётся в следующем месяце."
JAPANESE = (
    "これは古い日本語のページです。文字コードはJISで、二十年前に作られました。町の水道計画についての説明が続きます。"
)
POLISH = "Rada miasta ogłosiła wczoraj, że nowy plan zaopatrzenia w wodę ruszy w przyszłym miesiącu, więc się cieszą."
TURKISH = "Belediye dün yeni su planının gelecek ay başlayacağını açıkladı; şehirde yaşayanlar buna çok sevindi."
FRENCH = "Le bœuf de ma sœur coûte cinq € de plus, et le cœur de l'œuvre reste à écrire avant la fin de l'année."
NOISE = [bytes(byte | 0x80 for byte in random.Random(seed).randbytes(500)) for seed in range(20)]


def page(text: str, meta: str | None = None) -> str:
    tag = f'<meta charset="{meta}">' if meta else ""
    return f"<!doctype html><html><head>{tag}<title>Notes</title></head><body><p>{text}</p><p>{text}</p></body></html>"


@pytest.mark.parametrize("label", [None, "utf-8", "iso-8859-1", "windows-1252"])
@pytest.mark.parametrize("stray", [b"\x92", b"\xe9", b"\xff", b"\xe2\x80"])
@pytest.mark.parametrize("text", [COUNCIL, "One café", RUSSIAN, CHINESE])
def test_a_stray_byte_costs_one_character(text: str, stray: bytes, label: str | None) -> None:
    data = f"<p>{text} costs 5".encode() + stray + b" more</p>"
    assert decode(data, label, is_html=True) == (f"<p>{text} costs 5\ufffd more</p>", "utf-8")


ENGLISH = "The miller grinds corn in the mill by the river, and the stones turn slowly all day long."
PLACES = (b"a wo%brd", b"a word%b more", b"a %bword", b"a word %b word", b"a %b.")
HIGH = [bytes([byte]) for byte in range(0x80, 0x100)]


@pytest.mark.parametrize("place", PLACES)
def test_a_stray_byte_in_ascii_that_is_declared_utf8_names_no_language(place: bytes) -> None:
    for stray in (*HIGH, b"\xe2\x80", b"\xf0\x9f\x98"):
        data = page(ENGLISH, "utf-8").encode() + place.replace(b"%b", stray)
        expected = data.decode("utf-8", "replace"), "utf-8"
        assert expected[0].count("\ufffd") == 1
        assert decode(data, None, is_html=True) == decode(data, "utf-8", is_html=True) == expected


@pytest.mark.parametrize(
    ("label", "codec"),
    [(None, "cp1252"), ("iso-8859-1", "cp1252"), ("windows-1250", "cp1250"), ("koi8-r", "koi8-r"), ("gbk", "utf-8")],
)
@pytest.mark.parametrize("place", PLACES)
def test_one_character_is_what_a_label_makes_of_it(place: bytes, label: str | None, codec: str) -> None:
    for stray in HIGH:
        data = ENGLISH.encode() + place.replace(b"%b", stray)
        text = data.decode(codec, "replace")
        used = "utf-8" if "\ufffd" in text else codec
        assert decode(data, label, is_html=False) == (data.decode(used, "replace"), used)


@pytest.mark.parametrize("label", [None, "utf-8"])
def test_one_byte_that_comes_again_makes_no_other_script_and_costs_no_page(label: str | None) -> None:
    for stray in HIGH:
        data = page(ENGLISH).encode() + b" and ".join(place.replace(b"%b", stray) for place in PLACES[:3])
        decoded = decode(data, label, is_html=True)
        assert decoded is not None, stray
        assert decoded[1] in (*LATIN, "utf-8"), (stray, decoded[1])
        assert label is None or decoded == (data.decode("utf-8", "replace"), "utf-8"), stray


@pytest.mark.parametrize("stray", [b"\x92", b"\xe9", b"\xff", b"\xe2\x80"])
@pytest.mark.parametrize("times", [2, 5, 9])
def test_equal_stray_bytes_leave_a_page_in_the_utf8_that_it_declares(stray: bytes, times: int) -> None:
    data = page("One café", "utf-8").encode() + b" and ".join([b"a %b word" % stray] * times)
    assert decode(data, None, is_html=True) == (data.decode("utf-8", "replace"), "utf-8")


def test_a_wrong_label_is_not_believed_for_a_byte_that_reads_well_many_times() -> None:
    data = b"They don\x92t say that it isn\x92t there, and we haven\x92t seen that she won\x92t come. " * 3
    assert decode(data, "utf-8", is_html=False) == (data.decode("cp1252"), "cp1252")


@pytest.mark.parametrize("header", [None, "iso-2022-jp", "utf-8", "iso-8859-1", "shift_jis"])
@pytest.mark.parametrize("meta", [None, "iso-2022-jp", "utf-8"])
def test_iso_2022_jp_is_known_by_its_escapes(header: str | None, meta: str | None) -> None:
    text = page(JAPANESE, meta)
    assert decode(text.encode("iso2022_jp"), header, is_html=True) == (text, "iso2022_jp")


def test_escapes_that_begin_no_japanese_leave_the_page_alone() -> None:
    terminal = "\x1b[31mred\x1b[0m, and \x1b$ too: \x1b$B is no text, é"
    assert decode(terminal.encode(), None, is_html=False) == (terminal, "utf-8")


def test_hz_is_read_where_a_label_names_it() -> None:
    text = page(CHINESE, "hz-gb-2312")
    assert decode(text.encode("hz"), None, is_html=True) == (text, "hz")
    assert decode(b"~{ is a tilde and a brace", None, is_html=False) == ("~{ is a tilde and a brace", "utf-8")


@pytest.mark.parametrize("header", ["iso-8859-1", "windows-1252", "utf-8", "windows-1251", "shift_jis", None])
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("text", "label", "codec"),
    [
        (CHINESE, "gb2312", "gb18030"),
        (CHINESE.translate(str.maketrans("宣划将于实对欢记", "宣劃將於實對歡記")), "big5", "big5hkscs"),
        (RUSSIAN, "windows-1251", "cp1251"),
        (RUSSIAN, "koi8-r", "koi8-r"),
        (RUSSIAN, "iso-8859-5", "iso8859-5"),
        (JAPANESE, "shift_jis", "cp932"),
        (JAPANESE, "euc-jp", "euc_jp"),
        (POLISH, "iso-8859-2", "iso8859-2"),
        (POLISH, "windows-1250", "cp1250"),
        (TURKISH, "windows-1254", "cp1254"),
        (FRENCH, "iso-8859-15", "iso8859-15"),
    ],
)
def test_a_wrong_header_is_not_believed(text: str, label: str, codec: str, named: bool, header: str | None) -> None:
    whole = page("".join(char for char in text if encodes(char, codec)), label if named else None)
    decoded = decode(whole.encode(codec), header, is_html=True)
    assert decoded is not None
    assert decoded[0] == whole


def encodes(character: str, codec: str) -> bool:
    try:
        character.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.parametrize("label", [None, "iso-8859-1", "gb2312", "windows-1251"])
@pytest.mark.parametrize("noise", NOISE)
def test_noise_is_no_text_whatever_decodes_it(noise: bytes, label: str | None) -> None:
    """windows-1252, GB18030 and windows-1251 have a character for nearly every byte."""
    assert decode(noise, label, is_html=False) is None


@pytest.mark.parametrize(
    ("text", "codec", "wrong"),
    [
        (RUSSIAN, "cp1251", "cp1252"),
        (RUSSIAN, "koi8-r", "cp1251"),
        (CHINESE, "gb18030", "cp1252"),
        (POLISH, "iso8859-2", "cp1252"),
        (POLISH, "cp1250", "iso8859-2"),
        (TURKISH, "cp1254", "cp1252"),
        (FRENCH, "iso8859-15", "cp1252"),
        (FRENCH, "utf-8", "cp1252"),
        (JAPANESE, "euc_jp", "gb18030"),
    ],
)
def test_the_right_text_reads_better(text: str, codec: str, wrong: str) -> None:
    languages = languages_of(text.encode(codec))
    right, other = (read(text.encode(codec).decode(name, "replace"), languages) for name in (codec, wrong))
    assert (right.misfits, right.implausibility) < (other.misfits, other.implausibility)
    assert right.implausibility <= 0.2


def test_a_charset_with_more_behind_it_is_understood() -> None:
    assert split_type("text/html; charset=GB2312,text/html") == ("text/html", "gb2312")
