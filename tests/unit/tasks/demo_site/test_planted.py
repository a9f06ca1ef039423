"""The demo's planted values: valid, of every kind, in two sets with nothing in common, counted where found."""

import re

import polars as pl
import pytest
from stdnum import iban as iban_rules
from stdnum import luhn as luhn_rules
from stdnum.cn import ric, uscc

from gristmill.schemas.findings import FindingGroup, FindingKind
from gristmill.tasks.demo_site.catalogue import SiteConfig
from gristmill.tasks.demo_site.pages import Site
from gristmill.tasks.demo_site.planted.found import count_found
from gristmill.tasks.demo_site.planted.plant import Planted, blocks_by_path, planted, spread

VALUES = planted()
ON_SEVERAL_HOSTS = {FindingKind.TRIGGER}


def of(kind: FindingKind, pattern: str) -> list[str]:
    return [value.value for value in VALUES if value.kind is kind and re.fullmatch(pattern, value.value)]


def test_every_kind_that_one_site_can_hold_is_planted_in_both_sets() -> None:
    for name in ("first", "other"):
        assert {value.kind for value in VALUES if value.templates == name} == {*FindingKind} - ON_SEVERAL_HOSTS


def test_the_sets_share_no_sentence_and_no_random_value() -> None:
    first, other = ([value for value in VALUES if value.templates == name] for name in ("first", "other"))
    bare = [{value.sentence.replace(value.value, "{}") for value in values} for values in (first, other)]
    assert bare[0] & bare[1] <= {"{}"}
    assert not {value.value for value in first} & {value.value for value in other}
    assert planted() == VALUES


def test_numbers_have_their_check_digits() -> None:
    cards = of(FindingKind.BANK_CARD, "[0-9 -]+")
    assert len(cards) == 4
    assert all(luhn_rules.is_valid(re.sub("[ -]", "", card)) for card in cards)
    assert all(iban_rules.is_valid(number, check_country=False) for number in of(FindingKind.IBAN, ".*"))
    identities = of(FindingKind.NATIONAL_ID, r"\d{17}[\dX]")
    assert len(identities) == 2
    assert all(ric.is_valid(number) and number[6:8] == "19" and number[8] == "0" for number in identities)
    assert all(uscc.is_valid(number) for number in of(FindingKind.ORGANIZATION_ID, ".*"))


def test_each_value_stands_on_one_page_of_the_site_its_mirror_and_its_print_version() -> None:
    site = Site(SiteConfig(pages=200))
    pages = {
        re.sub(r"^/mirror|[?&]print=1$", "", path): site.answer(path).body.decode("utf-8", "replace") for path in site
    }
    for value in VALUES:
        holding = [path for path, page in pages.items() if value.block in page]
        assert len(holding) == 1, value.sentence


def test_blocks_are_shared_out_and_come_after_the_first_block() -> None:
    chosen = blocks_by_path([f"/{number}" for number in range(10)])
    sizes = [len(blocks) for blocks in chosen.values()]
    assert (sum(sizes), max(sizes) - min(sizes)) == (len(VALUES), 1)
    assert blocks_by_path([]) == {}
    assert spread(["a", "b", "c", "d"], ["x", "y"]) == ["a", "x", "b", "y", "c", "d"]
    assert spread(["a"], ["x"]) == ["a", "x"]


def made(kind: FindingKind, templates: str, value: str) -> Planted:
    return Planted(kind, templates, value, value, f"<p>{value}</p>")


@pytest.fixture
def values() -> list[Planted]:
    return [
        made(FindingKind.PHONE, "first", "555 0100"),
        made(FindingKind.EMAIL, "other", "a@b.cd"),
        made(FindingKind.PRIVATE_KEY, "first", "BEGIN\nxyzzy"),
        made(FindingKind.HATE, "other", "not on any page"),
    ]


def test_found_means_a_finding_of_the_group_at_the_place(values: list[Planted]) -> None:
    texts = ["é 555 0100", "write a@b.cd", "first BEGIN", "xyzzy 555 0100"]
    documents = pl.DataFrame({"doc_id": ["p", "q", "r", "s"], "text": texts})
    spans = pl.DataFrame(
        [
            {"doc_id": "p", "kind": "email", "start": 3, "end": 6},  # another kind of the group, a part of the value
            {"doc_id": "q", "kind": "email", "start": 0, "end": 6},  # beside the value
            {"doc_id": "q", "kind": "api_key", "start": 6, "end": 9},  # another group
            {"doc_id": "s", "kind": "private_key", "start": 0, "end": 5},  # the second line of the value
        ]
    )
    rows = {
        (row.group, row.templates): (row.planted, row.in_text, row.found)
        for row in count_found(values, documents, spans)
    }
    assert rows[FindingGroup.PERSONAL, "first"] == (1, 1, 1)
    assert rows[FindingGroup.PERSONAL, "other"] == (1, 1, 0)
    assert rows[FindingGroup.SECRET, "first"] == (1, 1, 1)
    assert rows[FindingGroup.HARM, "other"] == (1, 0, 0)
    assert rows[FindingGroup.ATTACK, "first"] == (0, 0, 0)
