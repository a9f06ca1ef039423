"""Extraction: one document or one set-aside row for every record, whatever the page does to its parser."""

import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
import unicodedata
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.core.digests import digest_text
from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.table import conform
from gristmill.schemas.tables import Documents, Records, SetAside
from gristmill.tasks.extraction import client
from gristmill.tasks.extraction.cleaning import clean
from gristmill.tasks.extraction.config import ExtractConfig
from gristmill.tasks.extraction.decoding import codec_of, decode
from gristmill.tasks.extraction.extract import extract
from gristmill.tasks.extraction.outcomes import outcomes

PAGE = "<html><head><title>Mill</title></head><body><nav><a href=/>Home</a></nav><main><h1>Milling</h1><p>{}</p></main>"
GRAIN = "Grain is milled between two stones, and the flour is then sifted to remove the bran."
DEEP = ("<div>" * 100_000).encode()
NOISE = bytes(byte | 0x80 for byte in random.Random(7).randbytes(600))


def records(
    *pages: bytes, content_type: str = "text/html", charset: str | None = None, kind: str = "response"
) -> pa.Table:
    rows = [
        {
            "doc_id": f"{number:032x}",
            "source": "test",
            "url": f"http://a.example/{number}",
            "host": "a.example",
            "fetched_at": None,
            "record_uri": f"a.warc@{number}+1",
            "record_digest": "d",
            "record_type": kind,
            "status": 200,
            "content_type": content_type,
            "charset": None,
            "payload": page,
        }
        for number, page in enumerate(pages)
    ]
    return pa.Table.from_pylist(rows, schema=Records.schema)


def run(table: pa.Table, **settings: Any) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    documents, aside = extract.function(table, ExtractConfig.parse(settings, "test"))
    return conform(Documents, documents).to_pylist(), conform(SetAside, aside).to_pylist()


def test_html_gives_its_main_content_and_plain_text_itself() -> None:
    (page,), _ = run(records(PAGE.format(GRAIN).encode()))
    assert GRAIN in str(page["text"])
    assert "Home" not in str(page["text"])
    assert (page["extractor"], page["encoding"], page["url"]) == ("resiliparse", "utf-8", "http://a.example/0")
    assert page["text_hash"] == digest_text(str(page["text"]))
    assert page["chars"] == len(str(page["text"]))
    (plain,), _ = run(records(b"a <b>\r\nc\r\n", content_type="text/plain"))
    assert (plain["text"], plain["extractor"]) == ("a <b>\nc", "plain")
    (row,), _ = run(records(b"<p>kept as it is</p>", content_type="", kind="row"))
    assert (row["text"], row["extractor"]) == ("<p>kept as it is</p>", "row")


def test_a_page_without_a_media_type_is_told_by_its_bytes() -> None:
    rows, _ = run(records(PAGE.format(GRAIN).encode(), b"1 < 2, and nothing else", content_type=""))
    assert [row["extractor"] for row in rows] == ["resiliparse", "plain"]


def test_pages_without_text_are_set_aside() -> None:
    empty = b"<html><body><script>x()</script></body></html>"
    documents, aside = run(records(empty, PAGE.format(GRAIN).encode(), NOISE))
    assert len(documents) == 1
    assert [(row["record_uri"], row["stage"], row["kind"], row["reason"]) for row in aside] == [
        ("a.warc@0+1", "extract", "record", "empty_text"),
        ("a.warc@2+1", "extract", "record", "undecodable"),
    ]
    assert all(row["detail"] and row["doc_id"] and row["url"] for row in aside)


@pytest.mark.parametrize(
    ("text", "codec", "stated", "meta", "found"),
    [
        ("Мука мелется между двумя камнями, отруби отсеивают.", "cp1251", "windows-1251", None, "cp1251"),
        ("Мука мелется между двумя камнями, отруби отсеивают.", "cp1251", None, "windows-1251", "cp1251"),
        ("Мука мелется между двумя камнями, отруби отсеивают.", "cp1251", "utf-8", None, "cp1251"),
        ("Мука мелется между двумя камнями, отруби отсеивают.", "utf-8", "windows-1251", "koi8-r", "utf-8"),
        ("Мука мелется между двумя камнями, отруби отсеивают.", "koi8-r", "x-no-such-charset", None, "koi8-r"),
        ("谷物在两块石头之间磨成面粉。", "gb18030", "gb2312", None, "gb18030"),
        ("穀物在兩塊石頭之間磨成麵粉。", "big5", None, "big5", "big5hkscs"),
        ("穀物は二つの石の間で挽かれる。", "shift_jis", "Shift_JIS", None, "cp932"),
        ("穀物は二つの石の間で挽かれる。", "euc_jp", None, "euc-jp", "euc_jp"),
        ("穀物は二つの石の間で挽かれる。", "iso2022_jp", "iso-2022-jp", None, "iso2022_jp"),
        ("곡물은 두 돌 사이에서 갈린다.", "cp949", None, "EUC-KR", "cp949"),
        ("Müller mahlen Körner – größtenteils.", "cp1252", "iso-8859-1", None, "cp1252"),
        ("Müller mahlen Körner, größtenteils.", "utf-16", None, None, "utf-16-le"),
        ("Müller mahlen Körner, größtenteils.", "utf-16-le", None, None, "utf-16-le"),
        ("Müller mahlen Körner, größtenteils.", "utf-16-be", None, None, "utf-16-be"),
        ("Müller mahlen Körner, größtenteils.", "utf-8-sig", "latin1", None, "utf-8"),
        ("Müller mahlen Körner, größtenteils.", "utf-8", "utf-16", None, "utf-8"),
        ("Millers grind grain.", "ascii", "utf-16", None, "utf-8"),
        ("Millers grind grain.", "ascii", None, "utf-16", "utf-8"),
    ],
)
def test_the_encoding_is_found_when_header_meta_and_bytes_disagree(
    text: str, codec: str, stated: str | None, meta: str | None, found: str
) -> None:
    tag = f'<meta charset="{meta}">' if meta else ""
    data = f"<html><head>{tag}</head><body><p>{text * 4}</p>".encode(codec)
    decoded = decode(data, stated, is_html=True)
    assert decoded is not None
    assert decoded[1] == found
    assert text in decoded[0]


RUSSIAN = "Мука мелется между двумя камнями, отруби отсеивают."
GREEK = "Το αλεύρι αλέθεται ανάμεσα σε δύο πέτρες και μετά κοσκινίζεται."
CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy, mouka se mele mezi kameny."
TURKISH = "Un iki taş arasında öğütülür, sonra elenir; değirmenci şimdi uyuyor."
HEBREW = "הקמח נטחן בין שתי אבנים ואחר כך מנופה מן הסובין."
ARABIC = "يطحن الدقيق بين حجرين ثم ينخل لإزالة النخالة."
BALTIC = "Milti tiek malti starp diviem akmeņiem, pēc tam sijāti, žāvēti un ēsti."
VIETNAMESE = "Bột được xay giữa hai hòn đá".replace("ộ", "ô").replace("ợ", "ơ").replace("ữ", "ư").replace("ò", "o")
THAI = "แป้งถูกบดระหว่างหินสองก้อน แล้วจึงร่อนเอารำออก"
RARE_HANZI = "谷物磨成面粉，㐂𠀀镕喆。"


@pytest.mark.parametrize(
    ("text", "codec", "label", "found"),
    [
        (RUSSIAN, "cp1251", "windows-1251", "cp1251"),
        (RUSSIAN, "koi8-r", "koi8-r", "koi8-r"),
        (RUSSIAN, "iso8859-5", "iso-8859-5", "iso8859-5"),
        (GREEK, "cp1253", "windows-1253", "cp1253"),
        (CZECH, "cp1250", "windows-1250", "cp1250"),
        (CZECH, "iso8859-2", "latin2", "iso8859-2"),
        (TURKISH, "cp1254", "windows-1254", "cp1254"),
        (TURKISH, "iso8859-9", "iso-8859-9", "cp1254"),
        (HEBREW, "cp1255", "windows-1255", "cp1255"),
        (ARABIC, "cp1256", "windows-1256", "cp1256"),
        (BALTIC, "cp1257", "windows-1257", "cp1257"),
        (VIETNAMESE, "cp1258", "windows-1258", "cp1258"),
        (THAI, "cp874", "tis-620", "cp874"),
        (RARE_HANZI, "gb18030", "gb18030", "gb18030"),
        (RARE_HANZI, "gb18030", "gb2312", "gb18030"),
        ("粉は石臼で挽く①②㈱﨑。", "cp932", "shift_jis", "cp932"),
        ("粉は石臼で挽く。", "euc_jp", "x-euc-jp", "euc_jp"),
        ("곡물은 두 돌 사이에서 갈린다 똠방각하.", "cp949", "ks_c_5601-1987", "cp949"),
        ("穀物在兩塊石頭之間磨成麵粉。", "big5hkscs", "big5-hkscs", "big5hkscs"),
    ],
)
@pytest.mark.parametrize("where", ["header", "meta", "http-equiv", "xml"])
def test_every_legacy_encoding_is_read_from_header_and_tags(
    text: str, codec: str, label: str, found: str, where: str
) -> None:
    tags = {
        "header": "",
        "meta": f"<meta charset='{label}'>",
        "http-equiv": f'<meta content="text/html; charset={label}" http-equiv="Content-Type">',
        "xml": f'<?xml version="1.0" encoding="{label}"?>',
    }
    data = f"{tags[where]}<html><body><p>{text}</p>".encode(codec)
    decoded = decode(data, label if where == "header" else None, is_html=True)
    assert decoded is not None
    assert (decoded[1], text in decoded[0]) == (found, True)


def test_a_tag_inside_a_comment_says_nothing() -> None:
    data = f"<!-- <meta charset=koi8-r> --><meta charset=windows-1251><p>{RUSSIAN}</p>".encode("cp1251")
    decoded = decode(data, None, is_html=True)
    assert decoded is not None
    assert decoded[1] == "cp1251"
    hidden = f"<meta charset=windows-1251><!-- <p>{RUSSIAN}</p>".encode("cp1251")
    assert decode(hidden, None, is_html=True) is not None


def test_a_few_broken_bytes_do_not_change_the_encoding() -> None:
    data = "größtenteils für Müller ".encode() * 100
    decoded = decode(data[:500] + b"\xff" + data[500:], "utf-8", is_html=False)
    assert decoded is not None
    assert decoded[1] == "utf-8"
    cut = decode("ends in 粉".encode()[:-1], None, is_html=False)
    assert cut == ("ends in ", "utf-8")


@pytest.mark.parametrize(
    "label", ["rot13", "zlib", "unicode_escape", "raw_unicode_escape", "utf-7", "idna", "hex", "", "🙂"]
)
def test_no_label_names_a_codec_that_is_no_charset(label: str) -> None:
    assert codec_of(label) is None


def test_text_has_one_form() -> None:
    decomposed = unicodedata.normalize("NFD", "für\r\nalle\rMüller\x00\ufeff\x0bund\x85so")
    assert clean(f"  {decomposed}\n\n") == "für\nalle\nMüller\nund\nso"
    assert clean("a\x01" * 50) is None
    assert clean("") == ""


def test_a_page_that_takes_forever_costs_its_processor_time_and_no_more() -> None:
    """100,000 nested elements take resiliparse minutes (quadratic); the pages around it are extracted."""
    good = PAGE.format(GRAIN).encode()
    started = time.monotonic()
    documents, aside = run(records(good, DEEP, good, DEEP, good), cpu_seconds=0.5)
    assert time.monotonic() - started < 60
    assert [row["record_uri"] for row in documents] == ["a.warc@0+1", "a.warc@2+1", "a.warc@4+1"]
    assert [(row["record_uri"], row["reason"]) for row in aside] == [
        ("a.warc@1+1", "extract_timeout"),
        ("a.warc@3+1", "extract_timeout"),
    ]
    assert aside[0]["detail"] == "more than 0.5 s of processor time"


def test_a_page_that_wants_too_much_memory_is_set_aside() -> None:
    huge = b"<p>" + b"<b>x</b>" * 1_200_000
    documents, aside = run(records(huge, PAGE.format(GRAIN).encode()), memory_mib=256, cpu_seconds=60)
    assert [row["record_uri"] for row in documents] == ["a.warc@1+1"]
    assert [row["reason"] for row in aside] == ["extract_crashed"]


def test_the_limits_are_counted_per_page_and_not_per_worker() -> None:
    page = PAGE.format((GRAIN + "\r ") * 5_000).encode()  # carriage returns make the page costly
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    documents, aside = run(records(*[page] * 480), cpu_seconds=0.2)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before > 0.2
    assert (len(documents), len(aside)) == (480, 0)


def test_extraction_is_deterministic_and_adds_up() -> None:
    table = records(*(PAGE.format(f"{GRAIN} {n}").encode() for n in range(40)), b"<p></p>", b"\x81\x82" * 99)
    first, second = extract.function(table, ExtractConfig()), extract.function(table, ExtractConfig())
    assert first == second
    assert len(first[0]) + len(first[1]) == 42
    nothing = extract.function(records(), ExtractConfig())
    assert (len(nothing[0]), len(nothing[1])) == (0, 0)


def test_payloads_larger_than_a_pipe_go_both_ways() -> None:
    texts = [f"{n} {GRAIN} " * 20_000 for n in range(4)]
    documents, _ = run(records(*(text.encode() for text in texts), content_type="text/plain"))
    assert [row["text"] for row in documents] == [text.strip() for text in texts]


def test_a_worker_killed_from_outside_stops_the_run_instead_of_losing_a_page() -> None:
    def kill() -> None:
        mine = psutil.Process()
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            for child in mine.children():
                if "gristmill.tasks.extraction.worker" in child.cmdline():
                    os.kill(child.pid, signal.SIGKILL)
                    return
            time.sleep(0.01)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(GristmillError, match=r"stopped from outside|does not start"):
        run(records(DEEP), cpu_seconds=60)
    killer.join()


def test_a_worker_that_does_not_start_is_an_error_that_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no such module >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(GristmillError, match=r"does not start.*no such module"):
        run(records(b"<p>x"))


def test_the_worker_imports_resiliparse_and_the_standard_library_only() -> None:
    code = (
        "import sys, gristmill.tasks.extraction.worker; "
        "print(' '.join(sorted({m.partition('.')[0] for m in sys.modules})))"
    )
    started = time.process_time()
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert time.process_time() - started < 5
    assert not {"pyarrow", "pydantic", "prefect", "numpy", "fastwarc", "schemas"} & set(loaded)


ARTICLE = PAGE.format("</p><p>".join(f"{GRAIN} Paragraph {n} says more about mills and millers." for n in range(12)))
HIDDEN = b"<html><body><div style='display:none'><p>Grain is milled</p></div></body></html>"  # to resiliparse


def test_trafilatura_makes_the_text_where_it_is_asked_for() -> None:
    documents, aside = run(records(ARTICLE.encode(), b"plain", b""), extractors=["trafilatura"])
    assert [row["extractor"] for row in documents] == ["trafilatura"] + ["plain"] * (len(documents) - 1)
    assert "Paragraph 11" in str(documents[0]["text"])
    assert "Home" not in str(documents[0]["text"])
    assert len(documents) + len(aside) == 3


def test_the_next_extractor_sees_only_what_the_first_gave_nothing_for(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int]] = []

    def counting(jobs: list[client.ExtractionJob], extractor: str, *limits: float) -> Any:
        seen.append((extractor, len(jobs)))
        return client.extract_texts(jobs, extractor, *limits)

    monkeypatch.setattr("gristmill.tasks.extraction.extract.extract_texts", counting)
    pages = records(ARTICLE.encode(), ARTICLE.encode() + DEEP, HIDDEN, b"<script>x()</script>")
    documents, aside = run(pages, extractors=["resiliparse", "trafilatura"], cpu_seconds=0.5)
    assert seen == [("resiliparse", 4), ("trafilatura-precise", 3)]
    assert [row["extractor"] for row in documents] == [
        "resiliparse",
        "trafilatura-after-timeout",
        "trafilatura-after-empty",
    ]
    assert [row["reason"] for row in aside] == ["empty_text"]
    documents, _ = run(records(b"<div/>Grain"), extractors=["trafilatura", "resiliparse"])
    assert [row["extractor"] for row in documents] == ["resiliparse-after-empty"]


@pytest.mark.parametrize("opening", ["<", "<!--", "<script ", "</script ", "<a <!-- "])
def test_openings_that_nothing_closes_do_not_use_up_the_processor_time(opening: str) -> None:
    """Looking for text between tags, a search from each opening to the end takes half a minute of it."""
    page = (opening * (250_000 // len(opening)) + "é at the end").encode("latin-1")
    _, aside = run(records(page), cpu_seconds=10)
    assert "extract_timeout" not in [row["reason"] for row in aside]


def test_every_outcome_is_counted(tmp_path: Path) -> None:
    pages = records(ARTICLE.encode(), DEEP, b"<html><body><script>x()</script>", NOISE)
    documents, aside = extract.function(pages, ExtractConfig(cpu_seconds=0.5))
    fell = documents.set_column(
        documents.column_names.index("extractor"), "extractor", pa.array(["resiliparse-after-timeout"])
    )
    paths = []
    for name, table in (("first", documents), ("second", fell), ("aside", aside)):
        paths.append(tmp_path / f"{name}.parquet")
        pq.write_table(table, paths[-1])
    assert outcomes(paths[:2], paths[2:]) == {
        "extracted": {"resiliparse": 1},
        "fell_back": {"resiliparse-after-timeout": 1},
        "empty": {"empty_text": 1},
        "timed_out": {"extract_timeout": 1},
        "failed": {},
        "undecodable": {"undecodable": 1},
    }


def test_a_worker_of_trafilatura_is_replaced_after_some_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(client.RECYCLE_PAGES, "trafilatura", 3)
    started = []
    enter = client._Worker.__enter__
    monkeypatch.setattr(client._Worker, "__enter__", lambda self: started.append(len(self.jobs)) or enter(self))
    documents, _ = run(records(*[ARTICLE.encode()] * 7), extractors=["trafilatura"], favour_precision=False)
    assert (len(documents), started) == (7, [3, 3, 1])


def test_an_extractor_named_twice_or_unknown_is_refused() -> None:
    with pytest.raises(UsageError, match="resiliparse is named twice"):
        ExtractConfig.parse({"extractors": ["resiliparse", "trafilatura", "resiliparse"]}, "test")
    with pytest.raises(UsageError, match="extractors"):
        ExtractConfig.parse({"extractors": ["justext"]}, "test")
