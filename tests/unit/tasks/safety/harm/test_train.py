"""A harm classifier from labelled tables: partial labels, splits that keep templates apart, calibration, errors."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from gristmill.core.errors import UsageError
from gristmill.schemas.tables import Documents, SignalsHarm
from gristmill.tasks.classifier.card import CARD
from gristmill.tasks.safety.harm.calibrate import calibrated, reliability
from gristmill.tasks.safety.harm.card import HarmCard, read_card
from gristmill.tasks.safety.harm.prepare import prepared
from gristmill.tasks.safety.harm.score import harm, harm_config, passages_of
from gristmill.tasks.safety.harm.settings import HarmFitConfig
from gristmill.tasks.safety.harm.tables import labelled_rows, read_tables
from gristmill.tasks.safety.harm.train import train

GOOD = [
    "river",
    "mill",
    "bread",
    "garden",
    "morning",
    "kind",
    "paper",
    "window",
    "music",
    "table",
    "河边",
    "磨坊",
    "面包",
    "花园",
    "早晨",
]
BAD = ["scum", "vermin", "filth", "garbage", "trash", "rot", "slime", "垃圾", "人渣", "废物", "滚开"]
SMALL = HarmFitConfig(buckets=2000, dim=8, epoch=25, min_count=1, most_false=0.4)


def sentences(seed: int, count: int, bad: bool) -> list[str]:
    draw = random.Random(seed)
    return [
        " ".join(draw.choices(GOOD, k=6) + (draw.choices(BAD, k=2) if bad else []) + [str(number)])
        for number in range(count)
    ]


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (folder / name).write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    good, bad = sentences(1, 200, False), sentences(2, 200, True)
    write(
        folder,
        "posts.jsonl",
        [{"text": text, "label": label} for texts, label in ((good, "ok"), (bad, "bad")) for text in texts],
    )
    people = ["gay", "muslim", "black", "deaf"]
    cases = [
        (f"they are {who} and {word}", word in BAD, who, word) for who in people for word in (*GOOD[:10], *BAD[:7])
    ]
    write(
        folder,
        "cases.jsonl",
        [{"case": t, "gold": "yes" if b else "no", "who": w, "template": m} for t, b, w, m in cases],
    )
    (folder / "tables.yaml").write_text(
        """
tables:
  - path: posts.jsonl
    kinds:
      toxicity: {column: label, positive: [bad]}
  - path: cases.jsonl
    text: case
    kinds:
      toxicity: {column: gold, positive: ["yes"]}
    group: template
    identity: who
    test_only: true
"""
    )
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> tuple[Path, HarmCard]:
    out = folder / "model"
    return out, train(read_tables(folder / "tables.yaml"), SMALL, out)


def test_it_learns_and_says_how_well(model: tuple[Path, HarmCard]) -> None:
    out, card = model
    (kind,) = card.kinds
    posts, cases = sorted(kind.tables, key=lambda table: table.test_only)
    assert (kind.kind, posts.table, cases.table, cases.texts) == ("toxicity", "posts", "cases", 68)
    assert posts.metrics is not None
    assert posts.metrics.average_precision.value is not None
    assert posts.metrics.average_precision.value > 0.95
    assert kind.training + kind.calibration + posts.texts == 400
    assert kind.after.error < 0.1
    assert [entry.identity for entry in kind.identities] == ["black", "deaf", "gay", "muslim"]
    assert all(entry.texts == 10 for entry in kind.identities)
    # groups are left out of what the model sees, so it errs on all of them alike
    assert len({entry.false_positives.value for entry in kind.identities}) == 1
    assert read_card(out) == card
    assert "calibration-toxicity.svg" in (out / "card.md").read_text()
    assert (out / "calibration-toxicity.svg").read_text().startswith("<svg")


def test_the_same_tables_give_the_same_files(model: tuple[Path, HarmCard], folder: Path, tmp_path: Path) -> None:
    out, _ = model
    train(read_tables(folder / "tables.yaml"), SMALL, tmp_path / "again")
    for path in sorted(out.iterdir()):
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def documents(*texts: str) -> pa.Table:
    blank = {field.name: None if field.nullable else "" for field in Documents.schema}
    rows = [blank | {"doc_id": str(n), "text": text, "chars": len(text)} for n, text in enumerate(texts)]
    return pa.Table.from_pylist(rows, schema=Documents.schema)


def test_the_most_harmful_passage_counts(model: tuple[Path, HarmCard]) -> None:
    out, _ = model
    calm = "river mill bread garden morning\n" * 200
    rows = harm.function(
        documents(
            calm,
            calm + "vermin filth scum rot\n" * 40 + calm,
            "你们都是 垃圾 人渣 废物",
            "sarin and novichok, a nerve agent",
        ),
        harm_config(out),
    )
    assert rows.schema.equals(SignalsHarm.schema)
    toxicity = rows.column("toxicity").to_pylist()
    assert toxicity[0] < 0.3 < toxicity[1]
    assert toxicity[2] > 0.5
    assert rows.column("hate").null_count == rows.column("dual_use").null_count == 4  # the model lacks them
    assert rows.column("dual_use_terms").to_pylist() == [0, 0, 0, 3]


def test_only_documents_with_terms_cost_a_dual_use_model(folder: Path, tmp_path: Path) -> None:
    text = (folder / "tables.yaml").read_text().replace("toxicity", "dual_use").replace("path: ", f"path: {folder}/")
    (tmp_path / "tables.yaml").write_text(text)
    train(read_tables(tmp_path / "tables.yaml"), SMALL, tmp_path / "model")
    rows = harm.function(documents("river mill", "garbage vermin sarin"), harm_config(tmp_path / "model"))
    scores = rows.column("dual_use").to_pylist()
    assert scores[0] is None
    assert scores[1] > 0.5


def test_a_model_that_was_changed_is_refused(model: tuple[Path, HarmCard], tmp_path: Path) -> None:
    out, _ = model
    for path in out.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "toxicity.bin").write_bytes(b"other")
    with pytest.raises(UsageError, match="another digest"):
        harm_config(tmp_path)
    (tmp_path / CARD).unlink()
    with pytest.raises(UsageError, match=r"there is no config\.json"):
        harm_config(tmp_path)


def test_rows_of_one_template_are_on_one_side(folder: Path, tmp_path: Path) -> None:
    text = (
        (folder / "tables.yaml").read_text().replace("    test_only: true\n", "").replace("path: ", f"path: {folder}/")
    )
    (tmp_path / "tables.yaml").write_text(text)
    rows = labelled_rows(read_tables(tmp_path / "tables.yaml"))
    groups = rows.filter(pl.col("group").is_not_null())
    assert groups["group"].n_unique() == 17
    assert rows.filter(table="posts")["group"].null_count() == 400
    assert rows.filter(table="posts")["hate"].null_count() == 400  # says nothing of other kinds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tables: [{path: posts.jsonl, kinds: {toxcity: {column: label, positive: [bad]}}}]", "did you mean"),
        (
            "tables: [{path: posts.jsonl, kinds: {toxicity: {column: lable, positive: [bad]}}}]",
            "there is no column 'lable'",
        ),
        ("tables: [{path: posts.jsonl, kinds: {toxicity: {column: label, positive: [BAD]}}}]", "no row is toxicity"),
        ("tables: [{path: gone.jsonl, kinds: {toxicity: {column: label, positive: [bad]}}}]", "there is no table"),
        ("tables: [{path: tables.yaml, kinds: {toxicity: {column: label, positive: [bad]}}}]", "not JSON Lines"),
        (
            "tables: [{path: posts.jsonl, test_only: true, kinds: {toxicity: {column: label, positive: [bad]}}}]",
            "nothing to learn",
        ),
    ],
)
def test_a_wrong_file_says_what_to_do(folder: Path, tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(text.replace("path: ", f"path: {folder}/"))
    with pytest.raises(UsageError, match=message):
        train(read_tables(file), SMALL, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_prepared_texts() -> None:
    given = pl.Series(["F U C K\noff", "你是傻*逼", "a gay man", "black people"])
    assert [" ".join(text.split()) for text in prepared(given)] == ["fuck off", "你 是 傻 逼", "a", ""]


def test_passages_are_whole_lines() -> None:
    lines = ["x" * 600, "y" * 600, "z"]
    found = passages_of(pl.Series(["\n".join(lines), "one"]))
    assert found.rows() == [(0, f"{lines[0]} {lines[1]}"), (0, "z"), (1, "one")]


def test_isotonic_calibration() -> None:
    scores = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])
    truth = np.array([False, False, True, False, True, False, True, True])
    scaled = calibrated(scores, truth)
    found = scaled.of(np.linspace(0, 1, 50))
    assert (np.diff(found) >= 0).all()
    assert 0 < found[0] < found[-1] < 1  # no sample proves a certainty
    assert scaled.of(np.array([0.5])).tolist() == [0.5]  # the block of the violators


def test_reliability_of_perfect_and_of_boastful_scores() -> None:
    truth = np.array([True] * 50 + [False] * 50)
    assert reliability(truth.astype(float), truth).error == 0
    boastful = reliability(np.full(100, 0.95), truth)
    assert (round(boastful.error, 2), len(boastful.bins), boastful.bins[0].texts) == (0.45, 1, 100)
