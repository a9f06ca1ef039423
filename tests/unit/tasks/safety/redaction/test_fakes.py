"""Replacements: placeholders, and fakes of the same form that belong to nobody and say nothing about the value."""

import re

import phonenumbers
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban, luhn
from stdnum.cn import ric

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.policy.rules import FAKED
from gristmill.tasks.safety.redaction.fakes import FAKES, MOST, fake
from gristmill.tasks.safety.redaction.replace import placeholder, replacements


def form(text: str) -> str:
    """Digits as 9, ASCII letters as X, the rest as it is."""
    return re.sub(r"[A-Za-z]", "X", re.sub(r"[0-9０-９]", "9", text))


def written(*rows: tuple[str, str, str], how: str = "fake") -> list[str]:
    """The replacements of (doc_id, kind, value)."""
    runs = [
        {"doc_id": doc_id, "start": place, "kind": kind, "how": how, "value": value}
        for place, (doc_id, kind, value) in enumerate(rows)
    ]
    return [text.decode() for text in replacements(pl.DataFrame(runs))]


def test_every_kind_that_may_be_faked_has_a_fake() -> None:
    assert set(FAKES) == set(FAKED)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("(415) 555-2671", "(202) 555-0107"),
        ("+1 415-555-2671", "+1 202-555-0107"),
        ("1-415-555-2671", "1-202-555-0107"),
        ("0086 139 1234 5678", "0086 100 0000 0007"),
        ("13912345678", "10000000007"),
        ("139-1234-5678", "100-0000-0007"),
        ("+86 139 1234 5678", "+86 100 0000 0007"),
        ("07911 123456", "07700 900007"),
        ("+44 7911 123456", "+44 7700 900007"),
        ("+49 30 901820", "+49 00 555007"),
    ],
)
def test_phones_keep_their_form_and_reach_nobody(value: str, told: str) -> None:
    assert fake(FindingKind.PHONE, value, 7) == told


@given(number=st.integers(0, MOST - 1))
def test_north_american_fakes_are_in_the_range_for_fiction(number: int) -> None:
    parsed = phonenumbers.parse(fake(FindingKind.PHONE, "+1 (415) 555-2671", number))
    assert re.fullmatch(r"202555 ?01\d\d", str(parsed.national_number))


@given(
    digits=st.text("0123456789", min_size=12, max_size=19),
    number=st.integers(0, MOST - 1),
    separator=st.sampled_from(["", " ", "-"]),
)
def test_cards_pass_luhn_in_a_test_range(digits: str, number: int, separator: str) -> None:
    value = separator.join(digits[place : place + 4] for place in range(0, len(digits), 4))
    found = fake(FindingKind.BANK_CARD, value, number)
    assert form(found) == form(value)
    plain = found.replace(" ", "").replace("-", "")
    assert luhn.is_valid(plain)
    assert plain.startswith(("400000", "620000"))


@pytest.mark.parametrize("value", ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "NL91ABNA0417164300"])
def test_ibans_pass_their_check_and_name_no_account(value: str) -> None:
    found = fake(FindingKind.IBAN, value, 17)
    assert form(found) == form(value)
    plain = found.replace(" ", "")
    numbers = int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4]))
    assert numbers % 97 == 1
    assert iban.compact(found)[:2] == value[:2]
    assert set(re.sub(r"[A-Z]", "", plain[4:])) <= set("017")


def test_resident_numbers_pass_their_check_in_a_region_that_is_not_there() -> None:
    found = fake(FindingKind.NATIONAL_ID, "11010519491231002X", 3)
    assert len(found) == 18
    assert found.startswith("990000")
    assert ric.calc_check_digit(found) == found[-1]
    assert not ric.is_valid(found)
    assert fake(FindingKind.NATIONAL_ID, "536-22-8726", 3) == "666-01-0003"
    assert fake(FindingKind.NATIONAL_ID, "QQ 12 34 56 C", 3) == "XX 00 00 03 X"


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        ("email", "jane@corp.io", "user3@example.com"),
        ("ip_address", "8.8.8.8", "192.0.2.4"),
        ("ip_address", "2a00:1450::1", "2001:db8::3"),
        ("person_name", "陈小明", "赵六"),
        ("person_name", "Ann Smith", "Jane Roe"),
        ("vehicle_plate", "京A12345", "京X00003"),
        ("qq", "１２３４５６", "000003"),
        ("wechat", "wx_ann88", "xx_xxx03"),
        ("passport", "E12345678", "X00000003"),
    ],
)
def test_others(kind: str, value: str, told: str) -> None:
    assert fake(FindingKind(kind), value, 3) == told


VALUES = st.lists(st.sampled_from(["13912345678", "139 1234 5678", "13812345678", "15012345678"]), max_size=8)


@given(values=VALUES, doc_id=st.sampled_from(["a", "b"]))
def test_in_a_document_one_value_has_one_fake_and_two_have_two(values: list[str], doc_id: str) -> None:
    found = written(*((doc_id, "phone", value) for value in values)) if values else []
    fakes = {}
    for value, shown in zip(values, found, strict=True):
        plain = value.replace(" ", "")
        assert fakes.setdefault(plain, shown.replace(" ", "")) == shown.replace(" ", "")
    assert len(set(fakes.values())) == len(fakes)


def test_a_fake_does_not_depend_on_the_value() -> None:
    assert written(("a", "phone", "13912345678")) == written(("a", "phone", "13812345678"))
    assert written(("a", "phone", "13912345678")) != written(("b", "phone", "13912345678"))


def test_placeholders() -> None:
    assert placeholder("national_id") == "[NATIONAL_ID]"
    assert written(("a", "api_key", "xyz"), how="placeholder") == ["[API_KEY]"]
