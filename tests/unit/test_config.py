"""Hints in messages about names."""

from schemas.config import MOST_NAMED, did_you_mean


def test_a_hint_names_what_is_near_else_what_is_possible() -> None:
    assert did_you_mean("gsm8", ["gsm8k", "math"]) == ' (did you mean "gsm8k"?)'
    assert did_you_mean("xyz", ["math", "gsm8k"]) == " (possible: gsm8k, math)"
    assert did_you_mean("xyz", []) == ""


def test_a_hint_does_not_list_thousands() -> None:
    """A suite has up to 14,042 items, and a wrong id listed them all."""
    hint = did_you_mean("xyz", [f"{number:05}" for number in range(14_042)])
    assert hint.startswith(" (possible: 00000, 00001, ")
    assert hint.endswith(", 00049, and 13992 more)")
    assert hint.count(",") == MOST_NAMED
