"""Token rarity: drawn tokens are rare, written ones are not."""

import string

import pytest

from gristmill.tasks.safety.secrets.rarity import rarity
from tests.helpers.found import LETTERS_AND_DIGITS, drawn

HEX = "0123456789abcdef"


@pytest.mark.parametrize(
    "token",
    [
        "getElementById",
        "correcthorsebatterystaple",
        "application/json",
        "internationalization",
        "MAX_CONNECTION_ATTEMPTS",
        "2019-10-11T12:00:00",
        "localhost:8080",
        "zhongguorenmin",
        "Donaudampfschifffahrt",
        "v1.2.3-beta",
        "Summer2019",
    ],
)
def test_written_tokens_are_not_rare(token: str) -> None:
    assert rarity(token) < 0.2


@pytest.mark.parametrize(
    ("alphabet", "characters", "share"),
    [
        (LETTERS_AND_DIGITS, 16, 0.97),
        (LETTERS_AND_DIGITS, 32, 0.99),
        (HEX, 32, 0.97),
        (string.ascii_lowercase + string.digits, 20, 0.97),
    ],
)
def test_drawn_tokens_are_rare(alphabet: str, characters: int, share: float) -> None:
    tokens = [drawn(characters, alphabet, seed) for seed in range(400)]
    assert sum(rarity(token) > 0.9 for token in tokens) >= share * len(tokens)


def test_entropy_alone_would_not_do() -> None:
    """All characters differ in both, so their entropy is the same."""
    assert rarity("keyboardists") < 0.2 < 0.8 < rarity("xq7mZk2vW9bT")


def test_an_empty_token() -> None:
    assert 0 < rarity("") < 0.1
