"""Topic classifiers: read with their labels, trained the same every time, measured honestly, refused with a reason."""

import gzip
import json
import random
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from gristmill.core.errors import UsageError
from gristmill.tasks.classifier.texts import InputOptions
from gristmill.tasks.domains.labelled import Labelled, curated_labelled, read_labelled
from gristmill.tasks.domains.topic_card import PAGE, label_cards, levels_of, read_card
from gristmill.tasks.domains.topic_fit import train
from gristmill.tasks.domains.topic_settings import TopicFitConfig
from gristmill.tasks.domains.topics import MODEL, Topics, topic_model
from gristmill.tasks.ingest.readers.rows.columns import ColumnMap
from tests.helpers.topic_corpus import curated_table, topic_documents, topic_text

SMALL = TopicFitConfig(dim=8, buckets=2_000, heldout_share=0.3)


def labelled(each: int = 60, seed: int = 0, topics: tuple[str, ...] = ("baking", "sailing")) -> Labelled:
    draw = random.Random(seed)
    rows = [(topic_text(topic, draw, 20), topic) for topic in topics for _ in range(each)]
    columns = (pl.Series([row[place] for row in rows], dtype=pl.String) for place in (0, 1))
    return Labelled(*columns)


def test_topics_are_learnt_and_measured_on_other_texts(tmp_path: Path) -> None:
    given = labelled()
    repeated = Labelled(
        pl.concat([given.texts, given.texts[:5], pl.Series(["same"] * 2)]),
        pl.concat([given.labels, given.labels[:5], pl.Series(["baking", "sailing"])]),
    )
    card = train(repeated, SMALL, tmp_path)
    assert [each.label for each in card.labels] == ["baking", "sailing"]
    assert card.accuracy.value == 1
    assert (card.repeated, card.contradictory, card.texts) == (5, 1, 127)
    tested = sum(each.test for each in card.labels)
    assert tested + sum(each.training for each in card.labels) == 120
    assert 20 < tested < 55
    assert read_card(tmp_path) == card
    assert "| baking |" in (tmp_path / PAGE).read_text(encoding="utf-8")
    topics = Topics.load(topic_model(tmp_path))
    numbers, scores = topics.of(pl.Series([topic_text("sailing", random.Random(5)), ""]))
    assert topics.labels[numbers[0]] == "sailing"
    assert scores[0] > 0.8


def test_the_same_texts_give_the_same_file_in_any_order(tmp_path: Path) -> None:
    given = labelled()
    order = list(range(len(given.texts)))
    random.Random(1).shuffle(order)
    mixed = Labelled(given.texts[order], given.labels[order])
    for name, each in (("a", given), ("b", mixed)):
        (tmp_path / name).mkdir()
        train(each, SMALL, tmp_path / name)
    assert given.digest == mixed.digest
    assert (tmp_path / "a" / MODEL).read_bytes() == (tmp_path / "b" / MODEL).read_bytes()
    assert labelled(seed=1).digest != given.digest


def test_confusion_by_hand() -> None:
    true, found = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, -1, 1])
    cards, confusion = label_cards(["a", "b"], np.array([0, 0, 1]), true, found)
    assert confusion == ((2, 1), (0, 2))
    assert [(each.precision.value, each.recall.value) for each in cards] == [(1, 0.666667), (0.666667, 0.666667)]
    assert cards[0].f1 == pytest.approx(0.8)
    assert [(each.training, each.test) for each in cards] == [(2, 3), (1, 3)]
    levels = levels_of(true, found, np.array([0.9, 0.6, 0.9, 0.9, 0.0, 0.4]))
    assert [(level.share, level.right.value) for level in levels[:2]] == [(0.833333, 0.8), (0.666667, 0.75)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            labelled(topics=("baking",)),
            "--label: there is only the label 'baking'; a classifier needs two labels or more",
        ),
        (labelled(each=8), r"--label: too few texts to train and to test: baking \(\d and \d\), sailing"),
        (labelled(each=0), "--label: there is no labelled text; a classifier needs two labels or more"),
        (
            Labelled(pl.Series(["a b", "c d"]), pl.Series(["sea/trips", "x"])),
            "--label: the domain 'sea/trips' cannot name a file",
        ),
    ],
)
def test_labels_that_cannot_be_learnt_are_refused(given: Labelled, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        train(given, SMALL, tmp_path)


def test_at_most_so_many_texts_a_label(tmp_path: Path) -> None:
    card = train(labelled(), SMALL.model_copy(update={"most": 50}), tmp_path)
    assert [each.training + each.test for each in card.labels] == [50, 50]
    assert card.left_out == 20


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: "gone", "topics: gone: there is no such model. Name a topic model of `gristmill domains train`"),
        (lambda folder: str(folder / "text.bin"), "this is not a fastText model that classifies texts"),
    ],
)
def test_missing_models_are_refused(make: object, message: str, tmp_path: Path) -> None:
    (tmp_path / "text.bin").write_text("no model", encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        topic_model(Path(make(tmp_path)))  # type: ignore[operator]


# -- labelled texts ---------------------------------------------------------------------------------------------------


def test_labels_are_read_from_a_column_of_any_table(tmp_path: Path) -> None:
    rows = [{"body": f"text {n}", "topic": topic} for n, topic in enumerate(["a", "b", None, 7])]
    with gzip.open(tmp_path / "rows.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(map(json.dumps, rows)))
    pl.DataFrame({"body": ["in Parquet"], "topic": ["c"]}).write_parquet(tmp_path / "rows.parquet")
    reading = InputOptions(ColumnMap(text="body"))
    found = read_labelled([str(tmp_path)], "topic", reading)
    assert found.labels.to_list() == ["a", "b", "7", "c"]
    assert found.set_aside == 1
    assert len(found.files) == 2
    with pytest.raises(UsageError, match=r'"topic".*--label COLUMN and --map text=COLUMN'):
        read_labelled([str(tmp_path / "rows.parquet")], "topics", reading)


def test_folders_are_labels_where_no_column_is(tmp_path: Path) -> None:
    for name in ("sea", "land"):
        (tmp_path / "all" / name).mkdir(parents=True)
        (tmp_path / "all" / name / "1.txt").write_text(f"about {name}", encoding="utf-8")
    found = read_labelled([str(tmp_path / "all")], "", InputOptions())
    assert dict(zip(found.texts, found.labels, strict=True)) == {"about sea": "sea", "about land": "land"}
    with pytest.raises(UsageError, match=r"1\.txt: this file lies in no folder below the input"):
        read_labelled([str(tmp_path / "all" / "sea")], "", InputOptions())


def test_curated_documents_are_told_apart_by_a_column(tmp_path: Path) -> None:
    path = tmp_path / "curated.parquet"
    pq.write_table(curated_table(topic_documents(30)), path)
    found = curated_labelled([path], "source", 10)
    assert found.labels.value_counts().sort("label").rows() == [(f"source{number}", 10) for number in range(3)]
    assert curated_labelled([path], "language", 100).labels.unique().sort().to_list() == ["en", "zh"]
    with pytest.raises(UsageError, match=r'--label sauce: curated sources can be told apart by source, .*"source"'):
        curated_labelled([path], "sauce", 10)
