"""The quality classifier: read, split, trained the same every time, measured honestly, scored as DCLM scores."""

import gzip
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import fasttext
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.core.errors import GristmillError, UsageError
from gristmill.schemas.tables import SIGNALS, SignalsClassifier
from gristmill.tasks.classifier import metrics
from gristmill.tasks.classifier.card import CARD, MODEL, PAGE, PICTURE, QUANTISED, Card, read_card
from gristmill.tasks.classifier.config import TrainConfig
from gristmill.tasks.classifier.score import ClassifierConfig, classifier, classifier_config, positive_scores
from gristmill.tasks.classifier.texts import InputOptions, Texts, one_line, read_texts
from gristmill.tasks.classifier.train import train
from gristmill.tasks.fasttext.files import read_model
from gristmill.tasks.ingest.readers.rows.columns import ColumnMap, parse_map
from tests.helpers.plain_signals import documents_of

SMALL = {"dim": 8, "buckets": 2000, "epoch": 10, "lr": 0.5, "heldout_share": 0.4, "wanted": 0.5}
GOOD = "the proof follows because every integer greater than one has a prime factor and this factor divides".split()  # noqa: SIM905
BAD = "buy cheap click now free offer subscribe share like win prize login cookie banner the and this".split()  # noqa: SIM905

Make = Callable[..., Card]


def sentences(words: list[str], count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choice(words) for _ in range(12)) for _ in range(count)]


def texts_of(texts: list[str]) -> Texts:
    return Texts(pl.Series(texts), pl.Series([str(row) for row in range(len(texts))]), (), 0)


GOODS, BADS = sentences(GOOD, 150, 1), sentences(BAD, 150, 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained classifier, quantised too."""
    out = tmp_path_factory.mktemp("trained") / "classifier"
    train(texts_of(GOODS), texts_of(BADS), TrainConfig(**SMALL, quantise=True), out)
    return out


# -- texts ----------------------------------------------------------------------------------------------------------


@given(st.text(alphabet=st.sampled_from("ab \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u2028\u2029\u3000\0é"), max_size=30))
def test_a_text_becomes_one_line_as_in_dclm(text: str) -> None:
    """``\\r\\n`` gives two spaces here and one there, which is the same to fastText."""
    theirs = " ".join(text.strip().splitlines())
    assert one_line(pl.Series([text.replace("\r\n", "\n")])).to_list() == [
        " ".join(text.replace("\r\n", "\n").strip().splitlines())
    ]
    assert one_line(pl.Series([text]))[0].replace("  ", " ") == theirs.replace("  ", " ")


def test_texts_are_read_from_tables_and_folders(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.txt").write_text("first page", encoding="utf-8")
    (tmp_path / "pages" / "b.md").write_bytes("zweite Seite über Mühlen".encode("latin-1"))
    with gzip.open(tmp_path / "rows.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write('{"body": "a row"}\n{"body": "  "}\n{"other": 1}\n')
    pl.DataFrame({"body": ["in Parquet"]}).write_parquet(tmp_path / "rows.parquet")
    (tmp_path / "info.json").write_text('{\n "rows": 3\n}', encoding="utf-8")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    found = read_texts([str(tmp_path)], InputOptions(ColumnMap(text="body")))
    assert [line.partition(":")[0] for line in found.not_read] == ["not read", "damaged"]
    assert "info.json: one JSON document" in found.not_read[0]
    assert "cut.parquet@0+4: no Parquet file" in found.not_read[1]
    assert sorted(found.texts) == ["a row", "first page", "in Parquet", "zweite Seite über Mühlen"]
    assert found.set_aside == 2
    assert [file.name for file in found.files] == [
        "cut.parquet",
        "pages/a.txt",
        "pages/b.md",
        "rows.jsonl.gz",
        "rows.parquet",
    ]


def test_links_out_of_a_folder_are_followed_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "a.txt").write_text("linked", encoding="utf-8")
    (tmp_path / "pages" / "a.txt").symlink_to(tmp_path / "a.txt")
    assert list(read_texts([str(tmp_path / "pages")], InputOptions(follow_links=True)).texts) == ["linked"]
    with pytest.raises(UsageError, match="--follow-links"):
        read_texts([str(tmp_path / "pages")])


def test_html_has_to_be_extracted_first(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<html><body><p>text</p></body></html>", encoding="utf-8")
    with pytest.raises(UsageError, match="gristmill curate"):
        read_texts([str(tmp_path / "page.html")])


def test_an_input_that_cannot_be_read_is_said_and_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "sound.txt").write_text("a text", encoding="utf-8")
    (tmp_path / "rows.parquet").write_bytes(b"PAR1" + b"x" * 99)
    with pytest.raises(GristmillError, match=r"nothing could be read of .*rows\.parquet"):
        read_texts([str(tmp_path / "sound.txt"), str(tmp_path / "rows.parquet")])


def test_inputs_are_read_with_the_options_of_a_curation(tmp_path: Path) -> None:
    (tmp_path / "rows.tsv").write_text('key\tbody\n1\t"one\n2\ttwo"\n', encoding="utf-8")
    (tmp_path / "rows.parquet").write_bytes(b"PAR1" + b"x" * 99)
    inputs = [str(tmp_path / "rows.tsv"), str(tmp_path / "rows.parquet")]
    reading = InputOptions(parse_map("text=body,id=key"), unquoted=True, allow_damage=True)
    assert list(read_texts(inputs, reading).texts) == ['"one', 'two"']
    with pytest.raises(GristmillError, match="--allow-damage"):
        read_texts(inputs, replace(reading, allow_damage=False))
    assert list(read_texts(inputs, replace(reading, unquoted=False)).texts) == ['two"']


def test_a_table_without_texts(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"content": "a"}\n', encoding="utf-8")
    with pytest.raises(UsageError, match="--map text=COLUMN"):
        read_texts([str(tmp_path / "rows.jsonl")])


# -- metrics --------------------------------------------------------------------------------------------------------


def test_average_precision_by_hand() -> None:
    """Scores .9 (good), .8 (bad), .7 (good and bad): 1/1 for the first good one, 2/4 for the second."""
    scores, good = np.array([0.9, 0.8, 0.7, 0.7]), np.array([True, False, True, False])
    found = metrics.measure(scores, good, 0.75)
    assert found.average_precision.value == pytest.approx((1 + 2 / 4) / 2)
    assert (found.precision.value, found.recall.value, found.f1.value, found.kept.value) == (0.5, 0.5, 0.5, 0.5)
    assert (found.accuracy.value, found.majority, found.texts, found.positives) == (0.5, 0.5, 4, 2)


def test_intervals_hold_the_value_and_are_wilson_s() -> None:
    draw = np.random.default_rng(1)
    good = draw.random(300) < 0.4
    found = metrics.measure(np.where(good, 0.6, 0.4) + 0.3 * draw.standard_normal(300), good, 0.5)
    for name in ("average_precision", "accuracy", "precision", "recall", "f1", "kept"):
        interval = getattr(found, name)
        assert 0 <= interval.low < interval.value < interval.high <= 1
        assert interval.high - interval.low < 0.2
    sure = metrics.measure(np.array([0.9] * 20 + [0.1] * 20), np.array([True] * 20 + [False] * 20), 0.5)
    assert (sure.precision.value, sure.precision.high) == (1, 1)
    assert sure.precision.low == pytest.approx(1 / (1 + 1.959964**2 / 20), abs=1e-6)


def test_nothing_kept_has_no_precision() -> None:
    found = metrics.measure(np.array([0.2, 0.1]), np.array([True, False]), 0.5)
    assert found.precision.value is None
    assert (found.recall.value, found.f1.value) == (0, 0)


def test_thresholds() -> None:
    scores = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    good = scores > 0.55
    good[2] = True
    assert metrics.threshold_for_share(scores, 0.3) == 0.8
    assert metrics.threshold_for_precision(scores, good, 0.8) == 0.5
    assert metrics.threshold_for_precision(scores, good, 1.0) == 0.6
    assert metrics.threshold_for_precision(scores, ~good, 0.99) is None
    points = metrics.curve(scores, good)
    assert [points[0].kept, points[0].recall, points[-1].kept, points[-1].precision] == [1, 1, 0.1, 1]


# -- training -------------------------------------------------------------------------------------------------------


def test_what_is_written(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted([CARD, PAGE, PICTURE, MODEL, QUANTISED])
    card = read_card(folder / CARD)
    assert card.model.metrics.average_precision.value > 0.95
    assert card.quantised is not None
    assert card.quantised.metrics.average_precision.value > 0.9
    assert (folder / QUANTISED).stat().st_size < (folder / MODEL).stat().st_size
    for side in (card.positive, card.negative):
        assert side.training + side.calibration + side.test + side.repeated == 150
    page = (folder / PAGE).read_text(encoding="utf-8")
    assert f"min: {card.model.threshold.value:.6g}" in page
    assert card.model.digest in page
    assert "95 % interval" in page
    assert (folder / PICTURE).read_text(encoding="utf-8").startswith("<svg")
    assert sorted(fasttext.load_model(str(folder / MODEL)).get_labels()) == ["__label__cc", "__label__hq"]


def test_neither_order_nor_repeats_nor_the_machine_change_the_files(folder: Path, tmp_path: Path) -> None:
    goods, bads = GOODS[::-1] + GOODS[:40], [*BADS[70:], *BADS[:70]]
    train(texts_of(goods), texts_of(bads), TrainConfig(**SMALL), tmp_path / "again")
    assert (tmp_path / "again" / MODEL).read_bytes() == (folder / MODEL).read_bytes()
    assert read_card(tmp_path / "again" / CARD).positive.repeated == read_card(folder / CARD).positive.repeated + 40
    train(texts_of(GOODS), texts_of(BADS), TrainConfig(**SMALL, quantise=True), tmp_path / "same")
    for name in (CARD, PAGE, PICTURE, MODEL, QUANTISED):
        assert (tmp_path / "same" / name).read_bytes() == (folder / name).read_bytes(), name


def test_texts_of_both_classes_are_left_out(tmp_path: Path) -> None:
    card = train(texts_of(GOODS + BADS[:30]), texts_of(BADS), TrainConfig(**SMALL), tmp_path / "out")
    assert card.contradictory == 30
    assert sum((card.negative.training, card.negative.calibration, card.negative.test)) == 120


def test_a_page_cannot_choose_its_class(tmp_path: Path) -> None:
    """A crawled text that carries fastText's labels is learnt as its side says."""
    shouting = [f"__label__hq {text} __label__hq" for text in BADS]
    train(texts_of(GOODS), texts_of(shouting), TrainConfig(**SMALL), tmp_path / "out")
    model = read_model(tmp_path / "out" / MODEL)
    assert sorted(model.labels) == ["__label__cc", "__label__hq"]
    scores = positive_scores(model, pl.Series([shouting[0], GOODS[0]]), "__label__hq")
    assert scores[0] < 0.5 < scores[1]


def test_thresholds_by_share_pool_and_precision(tmp_path: Path) -> None:
    noisy = texts_of(GOODS + sentences(BAD, 60, 9))
    precise = train(
        noisy, texts_of(BADS), TrainConfig(**SMALL | {"threshold_by": "precision", "wanted": 0.9}), tmp_path / "a"
    )
    assert precise.model.threshold.chosen_by == "precision"
    assert precise.model.metrics.precision.high > 0.9
    pool = texts_of(BADS[:90] + GOODS[:10])
    shared = train(noisy, texts_of(BADS), TrainConfig(**SMALL | {"wanted": 0.1}), tmp_path / "b", pool)
    assert (shared.model.threshold.pool, shared.model.threshold.pool_texts) == ("pool", 100)
    scores = positive_scores(read_model(tmp_path / "b" / MODEL), pool.texts, "__label__hq")
    assert (scores >= shared.model.threshold.value).sum() == 10


def test_a_precision_out_of_reach_is_said_and_nothing_is_left_behind(tmp_path: Path) -> None:
    mixed = sentences(BAD, 300, 11)
    config = TrainConfig(**SMALL | {"threshold_by": "precision", "wanted": 0.999})
    with pytest.raises(GristmillError, match=r"the best is 0\.\d+.*--precision"):
        train(texts_of(mixed[:150]), texts_of(mixed[150:]), config, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_too_few_texts_and_a_folder_that_holds_something(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--negative: 8 texts"):
        train(texts_of(GOODS), texts_of(BADS[:8]), TrainConfig(**SMALL), tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="Name a new folder"):
        train(texts_of(GOODS), texts_of(BADS), TrainConfig(**SMALL), tmp_path / "full")
    assert (tmp_path / "full" / "notes").read_text(encoding="utf-8") == "mine"


def test_a_model_too_small_to_quantise(tmp_path: Path) -> None:
    config = TrainConfig(**SMALL | {"buckets": 10, "quantise": True})
    with pytest.raises(UsageError, match="too small to quantise"):
        train(texts_of(GOODS), texts_of(BADS), config, tmp_path / "out")


MARGIN = 0.35  # above naming the commoner class, stated before the first run


def test_headlines_beat_the_majority_class_by_the_margin(shared: Path, tmp_path: Path) -> None:
    with gzip.open(shared / "corpora" / "quality" / "clickbait_headlines.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    sides = [texts_of([row["text"] for row in rows if row["clickbait"] == kind]) for kind in (0, 1)]
    card = train(*sides, TrainConfig(dim=16, buckets=50_000, wanted=0.5), tmp_path / "out")
    found = card.model.metrics
    assert found.accuracy.low > found.majority + MARGIN
    assert found.average_precision.low > 0.97


# -- scores ---------------------------------------------------------------------------------------------------------


def dclm_hq_prob(model: "fasttext.FastText._FastText", content: str) -> float:
    """``classify_fasttext_hq_prob`` of DCLM, line by line."""
    label, probability = model.predict(" ".join(content.strip().splitlines()))
    return float(1 - probability[0]) if label[0] == "__label__cc" else float(probability[0])


@pytest.mark.parametrize("name", [MODEL, QUANTISED])
def test_the_signal_is_dclm_s_score(folder: Path, name: str) -> None:
    texts = [*GOODS[:20], *BADS[:20], "\n".join(GOODS[:3]) + "\r\n", "", "unknown", "prime\u2028click", "a\x85 b"]
    table = classifier.function(documents_of(texts), classifier_config(folder / name))
    assert table.schema.equals(SignalsClassifier.schema)
    library = fasttext.load_model(str(folder / name))
    expected = [min(max(dclm_hq_prob(library, text), 0.0), 1.0) for text in texts]
    assert table.column("quality_score").to_pylist() == pytest.approx(expected, abs=1e-7)
    assert classifier.function(documents_of([]), classifier_config(folder / name)).num_rows == 0
    assert SignalsClassifier in SIGNALS
    assert SignalsClassifier.optional


def test_one_of_several_labels(tmp_path: Path) -> None:
    lines = [
        f"__label__{label} {text}"
        for label, texts in (("math", GOODS), ("spam", BADS), ("mill", sentences(["mill", "grain"], 50, 4)))
        for text in texts
    ]
    (tmp_path / "texts").write_text("\n".join(lines), encoding="utf-8")
    model = fasttext.train_supervised(str(tmp_path / "texts"), dim=8, epoch=5, lr=0.5, thread=1, verbose=0, bucket=0)
    model.save_model(str(tmp_path / "three.bin"))
    config = classifier_config(tmp_path / "three.bin", "math")
    assert config.label == "__label__math"
    texts = [GOODS[0], BADS[0], "mill grain"]
    scores = classifier.function(documents_of(texts), config).column("quality_score").to_pylist()
    expected = [dict(zip(*model.predict(text, k=3), strict=True))["__label__math"] for text in texts]
    assert scores == pytest.approx(expected, abs=1e-6)
    with pytest.raises(UsageError, match=r"no label '__label__hq'.*it has: .*spam"):
        classifier_config(tmp_path / "three.bin")


def test_the_path_is_no_part_of_the_key(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    here, there = classifier_config(folder), classifier_config(tmp_path / "copy")
    assert here.model_dump(mode="json") == there.model_dump(mode="json")
    assert set(here.model_dump(mode="json")) == {"name", "digest", "label"}


def test_what_is_no_model_and_a_model_that_was_changed(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gristmill classifier train"):
        classifier_config(tmp_path / "none")
    (tmp_path / "broken.bin").write_bytes((folder / MODEL).read_bytes()[:5000])
    with pytest.raises(UsageError, match=r"not a fastText model.*Name a folder"):
        classifier_config(tmp_path / "broken.bin")
    shutil.copytree(folder, tmp_path / "changed")
    (tmp_path / "changed" / MODEL).write_bytes((folder / QUANTISED).read_bytes())
    with pytest.raises(UsageError, match="changed after its card"):
        classifier_config(tmp_path / "changed")
    config = classifier_config(folder)
    other = ClassifierConfig(name=config.name, digest="0" * 32, label=config.label, path=config.path)
    with pytest.raises(UsageError, match="another digest"):
        classifier.function(documents_of(["text"]), other)
