"""The one form of text: the short way past the expressions gives what the expressions give."""

import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from gristmill.tasks.extraction.cleaning import CONTROLS, LINE_ENDS, clean

NEAR = (
    "ab \t\n\r\x00\x0b\x0c\x1b\x7f\x84\x85\x86\x9f\xa0é\u2027\u2028\u2029\u202a"
    "\ufefe\ufeff\uff00\ufffd\ufffe\uffff\U0001f600e\u0301"
)


def by_expressions(text: str) -> str | None:
    cleaned, controls = CONTROLS.subn("", LINE_ENDS.sub("\n", text))
    return None if controls > 0.05 * len(text) + 8 else unicodedata.normalize("NFC", cleaned).strip()


@given(st.text(alphabet=st.sampled_from(NEAR), max_size=40))
def test_any_mixture_of_special_and_plain(text: str) -> None:
    assert clean(text) == by_expressions(text)


def test_every_code_point() -> None:
    different = [
        code for code in range(sys.maxunicode + 1) if clean(f"a{chr(code)}b") != by_expressions(f"a{chr(code)}b")
    ]
    assert different == []


def test_texts_full_of_controls_are_none() -> None:
    assert clean("\x01" * 20) is None
    assert clean("\x01" * 8) == ""
