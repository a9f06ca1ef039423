"""Hints in messages about names, and what YAML files may hold."""

from pathlib import Path

import pytest

from gristmill.core.config import MOST_NAMED, did_you_mean, read_yaml
from gristmill.core.errors import UsageError


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


def test_a_key_may_stand_in_every_mapping_once(tmp_path: Path) -> None:
    """A merged key may be given anew: that is what merging is for."""
    path = tmp_path / "mine.yaml"
    path.write_text("base: &base {a: 1, b: 2}\nmine: {<<: *base, a: 3}\nother: {1: a, '1': b}\n", encoding="utf-8")
    assert read_yaml(path)["mine"] == {"a": 3, "b": 2}

    path.write_text("a: 1\nb: 2\na: 1\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.yaml: line 3: the key 'a' is given twice \(first in line 1\)"):
        read_yaml(path)
