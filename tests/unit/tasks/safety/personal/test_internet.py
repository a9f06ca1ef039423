"""Personal data: what is found and where, what is left alone, and how spans are replaced."""

import pyarrow as pa
import pytest

from gristmill.core.errors import GristmillError
from gristmill.schemas.findings import FindingKind
from gristmill.schemas.tables import Spans
from gristmill.tasks.safety.personal.internet import REPLACEMENTS
from gristmill.tasks.safety.step import find_all, findings_config
from tests.helpers.plain_signals import documents_of
from tests.helpers.replaced import replaced

EMAIL, IP_ADDRESS = FindingKind.EMAIL, FindingKind.IP_ADDRESS
BOTH = (EMAIL, IP_ADDRESS)


def found(text: str, *kinds: FindingKind) -> list[str]:
    """The spans of ``text`` that are found, in order."""
    table = find_all(documents_of([text]), findings_config(kinds or BOTH))
    assert table.schema.equals(Spans.schema)
    return [text[row["start"] : row["end"]] for row in table.to_pylist()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to jane.doe+list@mail.gov.uk.", ["jane.doe+list@mail.gov.uk"]),
        ("<mailto:a@b.org>, c_d@e-f.de;", ["a@b.org", "c_d@e-f.de"]),
        ("发送邮件至nliu@xf.cn即可", ["nliu@xf.cn"]),
        ("😀😀 x@y.io 😀", ["x@y.io"]),
        ("user@[8.8.8.8]", ["user@[8.8.8.8]"]),  # one finding, not an address inside a finding
        ("a@b.org@c.org", ["a@b.org"]),
        ("server 8.8.8.8, and 8.8.4.4.", ["8.8.8.8", "8.8.4.4"]),
        ("http://93.184.216.34:80/x", ["93.184.216.34"]),
        ("地址2a00:1450:4001:81b::200e。", ["2a00:1450:4001:81b::200e"]),
        ("[2001:4860:4860:0:0:0:0:8888]:53", ["2001:4860:4860:0:0:0:0:8888"]),
        ("8.8.8.8 a@b.org 2a00:1450:4001:81b::200e", ["8.8.8.8", "a@b.org", "2a00:1450:4001:81b::200e"]),
    ],
)
def test_found(text: str, expected: list[str]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "user@example.com, me@mail.example.org, x@y.test, root@localhost",
        "lodash@4.17.21 @decorator a @ b.org user@host é@x",
        "127.0.0.1 192.168.1.1 10.0.0.1 192.0.2.10 172.16.3.4 0.0.0.0",
        "version 1.2.3 or v1.2.3.4, 1.2.3.4.5 and 256.1.1.1 or 01.02.03.04 or 11.22.33.444",
        "std::vector a::b Face::Bad 12:30:45 00:11:22:33:44:55 50:06:0e:80:10:48:ab:cd",
        "fe80::1 ::1 fd00:1:2:3:4:5:6:789a 2001:db8::1",
        "",
        "no personal data",
    ],
)
def test_left_alone(text: str) -> None:
    assert found(text) == []


def test_kinds_can_be_left_out() -> None:
    text = "a@b.org 8.8.8.8"
    assert found(text, IP_ADDRESS) == ["8.8.8.8"]
    assert found(text, EMAIL) == ["a@b.org"]


def test_spans_belong_to_their_documents() -> None:
    documents = documents_of(["nothing", "é a@b.org", "", "8.8.8.8", "x@", "@y.org"])
    rows = find_all(documents, findings_config(BOTH)).to_pylist()
    ids = documents.column("doc_id").to_pylist()
    assert [(ids.index(row["doc_id"]), row["start"], row["end"], row["kind"], row["detector"]) for row in rows] == [
        (1, 2, 9, "email", "regex:email"),
        (3, 0, 7, "ip_address", "regex:ipv4"),
    ]


def test_no_documents() -> None:
    assert find_all(documents_of([]), findings_config(BOTH)).num_rows == 0


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    ["a." * 100_000 + "@", "a-" * 100_000 + "@b", "x@" * 50_000, "@" + "a-" * 100_000, "1." * 200_000, "a:" * 200_000],
)
def test_hostile_texts_take_no_time(text: str) -> None:
    assert found(text) == []


def spans_of(*rows: tuple[str, int, int, str]) -> pa.Table:
    names = ("doc_id", "start", "end", "kind")
    return pa.Table.from_pylist(
        [dict(zip(names, row, strict=True)) | {"score": 1.0, "detector": "test", "version": "1"} for row in rows],
        Spans.schema,
    )


def redacted(text: str, *spans: tuple[int, int, str]) -> str:
    rows = [("d", start, end, kind) for start, end, kind in spans]
    result = replaced(pa.array(["d"]), pa.array([text]), spans_of(*rows), {"email": ("E",), "ip_address": ("I",)})
    return result[0]


def test_replacing() -> None:
    assert redacted("é a@b.org, 8.8.8.8", (2, 9, "email"), (11, 18, "ip_address")) == "é E, I"
    assert redacted("abc", (0, 3, "email")) == "E"
    assert redacted("abc") == "abc"


def test_order_of_spans_and_overlaps() -> None:
    assert redacted("0123456789", (6, 8, "email"), (1, 3, "ip_address")) == "0I345E89"
    assert redacted("0123456789", (1, 5, "email"), (3, 8, "ip_address"), (4, 6, "email")) == "0E89"
    assert redacted("0123456789", (1, 5, "email"), (5, 8, "ip_address")) == "0EI89"


def test_replacements_follow_document_and_place_alone() -> None:
    ids, texts = pa.array(["a", "b"]), pa.array(["x@y.org " * 9, "8.8.8.8 " * 9])
    rows = [("a", 8 * i, 8 * i + 7, "email") for i in range(9)] + [
        ("b", 8 * i, 8 * i + 7, "ip_address") for i in range(9)
    ]
    both = replaced(ids, texts, spans_of(*rows))
    alone = replaced(ids.slice(1), texts.slice(1), spans_of(*rows[9:]))
    assert both[1:] == alone
    assert set(both[0].split()) == set(REPLACEMENTS["email"])
    assert set(both[1].split()) <= set(REPLACEMENTS["ip_address"])
    assert len(set(both[1].split())) > 1


def test_finding_and_replacing_leaves_nothing_to_find() -> None:
    documents = documents_of(["mail a@b.org or c@d.org", "at 8.8.8.8", "clean"])
    spans = find_all(documents, findings_config((EMAIL,)))
    texts = replaced(*(documents.column(name).combine_chunks() for name in ("doc_id", "text")), spans)
    assert texts[1] == "at 8.8.8.8"
    assert found(texts[0], EMAIL) in ([], ["firstname.lastname@example.org"])


@pytest.mark.parametrize(
    ("span", "message"),
    [
        (("d", 0, 2, "iban"), "no replacement for spans of kind iban"),
        (("d", 1, 9, "email"), "outside the 3 characters"),
    ],
)
def test_impossible_spans_are_refused(span: tuple[str, int, int, str], message: str) -> None:
    with pytest.raises(GristmillError, match=message):
        replaced(pa.array(["d"]), pa.array(["abc"]), spans_of(span))
