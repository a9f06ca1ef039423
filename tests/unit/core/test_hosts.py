"""Host names and origins in one plain form: what means the same compares equal, and what is no name is none."""

import pytest

from gristmill.core.hosts import LOOPBACK, Address, Origin, bracketed, host_address, origin_of, plain_name


@pytest.mark.parametrize(
    ("text", "name", "port"),
    [
        ("data.example.org", "data.example.org", None),
        ("Data.Example.ORG:8443", "data.example.org", 8443),
        ("localhost.:8080", "localhost", 8080),
        ("127.0.0.1:4200", "127.0.0.1", 4200),
        ("[::1]:4200", "::1", 4200),
        ("[0:0:0:0:0:0:0:1]", "::1", None),
        ("[2001:DB8::0001]", "2001:db8::1", None),
        ("[::ffff:192.168.1.7]:80", "192.168.1.7", 80),
        ("a.example:65535", "a.example", 65535),
        ("数据.example", "数据.example", None),
    ],
)
def test_a_host_is_read_in_its_plain_form(text: str, name: str, port: int | None) -> None:
    assert host_address(text) == Address(name, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a b",
        "a.example\n",
        "a.example:",
        "a.example:0",
        "a.example:65536",
        "a.example:port",
        "a.example:80:80",
        "user@a.example",
        "a.example/x",
        "a.example?x",
        "a.example#x",
        "a.example\\x",
        "http://a.example",
        "::1",
        "[::1",
        "[localhost]",
        "[1.2.3.4]",
        "[::1]x",
        "[]",
    ],
)
def test_what_is_no_host_name_is_none(text: str) -> None:
    assert host_address(text) is None
    assert origin_of(f"http://{text}") is None


@pytest.mark.parametrize(
    ("text", "origin", "written"),
    [
        ("http://localhost", Origin("http", "localhost", 80), "http://localhost"),
        ("HTTPS://Data.Example.org", Origin("https", "data.example.org", 443), "https://data.example.org"),
        ("https://data.example.org:443", Origin("https", "data.example.org", 443), "https://data.example.org"),
        ("http://data.example.org:443", Origin("http", "data.example.org", 443), "http://data.example.org:443"),
        ("http://[::1]:4200", Origin("http", "::1", 4200), "http://[::1]:4200"),
    ],
)
def test_an_origin_has_its_port_and_is_written_as_browsers_do(text: str, origin: Origin, written: str) -> None:
    assert origin_of(text) == origin
    assert str(origin) == written
    assert origin_of(written) == origin


@pytest.mark.parametrize(
    "text", ["null", "", "*", "file://", "ftp://a.example", "chrome-extension://a.example", "http://a.example/", "a"]
)
def test_what_is_no_page_of_a_web_server_has_no_origin(text: str) -> None:
    assert origin_of(text) is None


def test_loopback_is_in_its_plain_form() -> None:
    assert [plain_name(name) for name in LOOPBACK] == list(LOOPBACK)
    for name in LOOPBACK:
        assert host_address(f"{bracketed(name)}:80") == Address(name, 80)
