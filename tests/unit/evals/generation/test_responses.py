"""Stored answers: found again, retired when they are asked anew, and never half."""

import json
import os
from pathlib import Path

import pytest

from gristmill.evals.generation.responses import Response, ResponseStore, retire, rounds

CHECKPOINT, BACKEND = "c" * 32, "a backend"
FIRST, SECOND = "1f0a-01", "2f0a-02"


def answered(root: Path, **texts: str) -> None:
    with ResponseStore(root, CHECKPOINT, BACKEND) as store:
        store.add({key: Response(text=text, tokens=1, finish="end") for key, text in texts.items()})


def found(root: Path, *keys: str) -> dict[str, str]:
    with ResponseStore(root, CHECKPOINT, BACKEND) as store:
        return {key: store[key].text for key in keys if key in store}


def test_what_was_asked_anew_counts_no_more(tmp_path: Path) -> None:
    answered(tmp_path, a="old", b="old", c="old")
    assert rounds(tmp_path, CHECKPOINT, BACKEND, {"a"}) == ()
    retire(tmp_path, CHECKPOINT, BACKEND, ["a", "b"], FIRST)
    assert found(tmp_path, "a", "b", "c") == {"c": "old"}
    answered(tmp_path, a="new")
    retire(tmp_path, CHECKPOINT, BACKEND, ["b", "a"], FIRST)  # the same run, started again
    assert found(tmp_path, "a", "b", "c") == {"a": "new", "c": "old"}
    answered(tmp_path, b="new", d="first")
    assert found(tmp_path, "a", "b", "c", "d") == {"a": "new", "b": "new", "c": "old", "d": "first"}
    retire(tmp_path, CHECKPOINT, BACKEND, ["a", "d"], SECOND)
    assert found(tmp_path, "a", "b", "c", "d") == {"b": "new", "c": "old"}


def test_answers_are_named_by_the_rounds_that_concern_them(tmp_path: Path) -> None:
    """Under ten rounds and more, in their order, whatever they are called."""
    names = [f"{15 - number:x}-00" for number in range(12)]
    for name in names:
        retire(tmp_path, CHECKPOINT, BACKEND, ["a", name], name)
        answered(tmp_path, a=name)
    assert [round_.partition("-")[2] for round_ in rounds(tmp_path, CHECKPOINT, BACKEND, {"a"})] == names
    assert len(rounds(tmp_path, CHECKPOINT, BACKEND, {names[3]})) == 1
    assert rounds(tmp_path, CHECKPOINT, BACKEND, {"another"}) == ()
    assert rounds(tmp_path, CHECKPOINT, "another backend", {"a"}) == ()
    assert found(tmp_path, "a") == {"a": names[-1]}


def test_old_answers_are_kept_on_disk(tmp_path: Path) -> None:
    answered(tmp_path, a="old")
    (before,) = tmp_path.rglob("*.jsonl")
    content = before.read_bytes()
    retire(tmp_path, CHECKPOINT, BACKEND, ["a"], FIRST)
    answered(tmp_path, a="new")
    assert before.read_bytes() == content


def test_a_round_that_was_cut_off_at_its_beginning_never_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(tmp_path, a="old")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            retire(tmp_path, CHECKPOINT, BACKEND, ["a"], FIRST)
    half = next(tmp_path.rglob("*.jsonl")).parent / ".round-left" / "round"
    half.mkdir(parents=True)
    (half / "retired.json").write_text(json.dumps(["a"]))
    assert found(tmp_path, "a") == {"a": "old"}
    assert rounds(tmp_path, CHECKPOINT, BACKEND, {"a"}) == ()


@pytest.mark.parametrize("place", [0, 1, 12, 30, -30, -20, -5, -3])
def test_a_damaged_line_is_asked_again(tmp_path: Path, place: int) -> None:
    answered(tmp_path, a="first", b="second", c="third")
    (segment,) = tmp_path.rglob("*.jsonl")
    lines = segment.read_bytes().splitlines(keepends=True)
    middle = bytearray(lines[1])
    middle[place] ^= 1
    segment.write_bytes(lines[0] + bytes(middle) + lines[2])
    assert found(tmp_path, "a", "b", "c") == {"a": "first", "c": "third"}


def test_a_torn_line_was_never_written(tmp_path: Path) -> None:
    answered(tmp_path, a="whole", b="torn")
    (segment,) = tmp_path.rglob("*.jsonl")
    os.truncate(segment, segment.stat().st_size - 3)
    assert found(tmp_path, "a", "b") == {"a": "whole"}
