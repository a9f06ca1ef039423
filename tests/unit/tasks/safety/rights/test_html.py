"""What the HTML of a page says of its use."""

import time

import pytest

from gristmill.tasks.safety.rights.html import page_rights


@pytest.mark.parametrize(
    ("page", "reserved"),
    [
        ('<meta name="robots" content="noai, noimageai">', True),
        ("<META NAME=robots CONTENT=noai>", True),
        ("<meta content='index, NOAI' name='Robots' />", True),
        ('<meta name="GPTBot" content="noai">', True),
        ('<meta name="googlebot" content="noai">', False),
        ('<meta name="robots" content="noimageai">', False),
        ('<meta name="robots" content="noindex">', False),
        ('<!-- <meta name="robots" content="noai"> -->', False),
        ('<script>"<meta name=robots content=noai>"</script>', False),
        ('<template><meta name="robots" content="noai"></template>', False),
        ('<script>1</script><!-- x --><meta name="robots" content="noai">', True),
        ('<meta name="tdm-reservation" content="1">', True),
        ('<meta name="robots" content="no&#97;i">', False),  # the word is not in the page
        ("<title><meta name=robots content=noai></title>", False),
        ("<p>noai noimageai</p>", False),
        ('<div data-x=">"><meta name="robots" content="noai">', True),
    ],
)
def test_reserved(page: str, reserved: bool) -> None:
    assert any(not each.allows for each in page_rights(page.encode()).statements) is reserved


def test_evidence_is_the_tag_as_it_stands() -> None:
    found = page_rights('<head><meta name="robots"\n content="noai"><p>画</p>'.encode())
    assert [each.line for each in found.statements] == ['<meta name="robots" content="noai">']


def test_pictures_and_search_are_counted_apart() -> None:
    found = page_rights(b'<meta name="robots" content="noimageai,noindex">')
    assert (found.statements, found.images_reserved, found.noindex) == ((), True, True)


def test_tdm_zero_allows() -> None:
    found = page_rights(b'<meta name="tdm-reservation" content="0">')
    assert [each.allows for each in found.statements] == [True]


def test_utf16() -> None:
    assert page_rights('<meta name="robots" content="noai">'.encode("utf-16")).statements


@pytest.mark.parametrize(
    ("page", "spdx"),
    [
        ('<a rel="license" href="https://creativecommons.org/licenses/by-sa/4.0/deed.zh">许可</a>', "CC-BY-SA-4.0"),
        ('<link rel="license" href="//creativecommons.org/publicdomain/zero/1.0/">', "CC0-1.0"),
        ('<a href="http://creativecommons.org/licenses/by-nc-nd/3.0/cn/" rel="nofollow license">', "CC-BY-NC-ND-3.0"),
        ('<meta name="DCTERMS.license" content="https://creativecommons.org/licenses/by/2.5/">', "CC-BY-2.5"),
        (
            '<script type="application/ld+json">{"license": "https://creativecommons.org/licenses/by/4.0/"}</script>',
            "CC-BY-4.0",
        ),
        ('<a rel="license" href="https://opensource.org/licenses/MIT">', "MIT"),
        ('<a href="https://creativecommons.org/licenses/by-sa/4.0/">about licences</a>', None),
        ('<a rel="license" href="/terms">', None),
        ('<a rel="license" href="https://creativecommons.org/licenses/by-xx/4.0/">', None),
    ],
)
def test_licence(page: str, spdx: str | None) -> None:
    licence = page_rights(page.encode()).licence
    assert (licence.spdx if licence else None) == spdx


@pytest.mark.parametrize(
    "unit", ["<a ", "<meta x=' ", '<a x="<a x=', "<!--", "<script>", "<a" + " " * 50, "<meta / / ="]
)
def test_hostile_pages_take_linear_time(unit: str) -> None:
    def seconds(size: int) -> float:
        page = (unit * (size // len(unit))).encode() + b"noai"
        started = time.process_time()
        page_rights(page)
        return time.process_time() - started

    small, large = max(seconds(50_000), 0.005), seconds(1_000_000)
    assert large < 200 * small  # linear is 20 times
