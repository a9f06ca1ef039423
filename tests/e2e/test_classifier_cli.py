"""``gristmill classifier train`` and ``score``, as a user types them."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.cli import Ended

Run = Callable[..., Ended]
SMALL = ("--dim", "8", "--buckets", "2000", "--epoch", "10", "--lr", "0.5", "--heldout-share", "0.4")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good texts as a folder of text files, other texts as JSON Lines with a column of another name."""
    place, draw = tmp_path_factory.mktemp("classifier"), random.Random(1)
    good, other = "prime integer proof factor follows theorem".split(), "click buy offer cookie share win".split()  # noqa: SIM905
    (place / "good").mkdir()
    for number in range(80):
        text = "\n".join(draw.choice(good) for _ in range(12))
        (place / "good" / f"{number}.txt").write_text(text, encoding="utf-8")
    rows = [{"body": " ".join(draw.choice(other) for _ in range(12))} for _ in range(80)]
    (place / "other.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return place


def test_train_then_score(place: Path, run: Run) -> None:
    out = place / "quality"
    words = ("--positive", str(place / "good"), "--negative", str(place / "other.jsonl"), "--map", "text=body")
    ended = run("classifier", "train", *words, "--out", str(out), "--precision", "0.9", *SMALL)
    assert ended.code == 0, ended.err
    assert "average precision" in ended.out
    assert "not seen in training" in ended.out
    assert sorted(path.name for path in out.iterdir()) == ["card.json", "card.md", "curve.svg", "model.bin"]
    threshold = json.loads((out / "card.json").read_bytes())["model"]["threshold"]["value"]

    scored = run("classifier", "score", str(place / "good"), "--model", str(out), "--json")
    assert scored.code == 0, scored.err
    found = scored.json()
    assert [row["uri"].partition("@")[0] for row in found[:2]] == ["0.txt", "1.txt"]
    assert all(row["kept"] == (row["score"] >= threshold) for row in found)
    assert sum(row["kept"] for row in found) > 60

    table = run(
        "classifier", "score", str(place / "other.jsonl"), "--model", str(out), "--map", "text=body", "--rows", "3"
    )
    assert table.code == 0, table.err
    assert "80 texts" in table.out
    assert "reach the threshold" in table.out
    assert table.out.count("other.jsonl@") == 3


TRAIN = ("train", "--positive", "{place}/good", "--out", "{place}/o", "--negative")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ((*TRAIN, "{place}/none.jsonl"), "there is no 'none.jsonl'"),
        ((*TRAIN, "{place}/other.jsonl", "--keep-share", ".1", "--precision", ".9"), "give one of them"),
        (("score", "{place}/good", "--model", "{place}/other.jsonl"), "not a fastText model"),
    ],
    ids=["missing", "two-ways", "no-model"],
)
def test_wrong_words(words: tuple[str, ...], hint: str, place: Path, run: Run) -> None:
    ended = run("classifier", *(word.format(place=place) for word in words))
    assert ended.code == 2, ended.err
    assert "Traceback" not in ended.err
    assert hint in " ".join(ended.err.split())
    assert not (place / "o").exists()
