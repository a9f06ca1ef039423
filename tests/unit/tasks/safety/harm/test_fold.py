"""Folding: every evaded form gives the plain word, with the places of its characters in the original."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.tasks.safety.harm.fold import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ｆｕｃｋ Ｙｏｕ", "fuck you"),  # full width
        ("𝓯𝓾𝓬𝓴 ⓕⓤⓒⓚ", "fuck fuck"),  # mathematical, circled
        ("fúcķ", "fuck"),
        ("f̶u̶c̶k̶", "fuck"),  # struck through by marks
        ("FUCK", "fuck"),
        ("сосk", "cock"),  # Cyrillic
        ("αss", "ass"),  # Greek
        ("fu\u200bck fu\u00adck", "fuck fuck"),  # invisible
        ("f🔥u🔥ck", "fuck"),
        ("傻🐷逼", "傻逼"),
        ("sh1t a$$hole b!tch", "shit asshole bitch"),
        ("f u c k", "fuck"),
        ("f.u-c_k you", "fuck you"),
        ("fuuuuck", "fuck"),
        ("傻 逼 傻*逼 傻//逼", "傻逼傻逼傻逼"),
        # what stays as it is
        ("room 101, 3.14, 2024", "room 101, 3.14, 2024"),
        ("the A55 road", "the a55 road"),
        ("a b", "a b"),
        ("傻\n逼", "傻\n逼"),
        ("傻，逼", "傻，逼"),
        ("book off", "book off"),
        ("", ""),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text).text == folded


@given(st.text(max_size=60))
def test_offsets_are_increasing_places_of_the_original(text: str) -> None:
    folded = fold(text)
    places = folded.offsets.tolist()
    assert len(places) == len(folded.text)
    assert places == sorted(set(places))
    assert not places or places[-1] < len(text)
    assert folded.text.count("\n") == text.count("\n")  # nothing joins across lines


def test_a_plain_text_is_its_own_fold() -> None:
    text = "the mill stands by the river, 磨坊在河边。"
    folded = fold(text)
    assert (folded.text, folded.offsets.tolist()) == (text, list(range(len(text))))


@pytest.mark.parametrize("unit", ["f u c k ", "傻 逼", "a", "a$", "🔥", "f\u0336", "a.b", " . "])
def test_hostile_texts_take_linear_time(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        fold(text)
        started = time.process_time()
        fold(text)
        return time.process_time() - started

    small, large = max(seconds(20_000), 0.005), seconds(400_000)
    assert large < 200 * small  # linear is 20 times
