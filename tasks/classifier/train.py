"""Training a fastText quality classifier from good and bad texts, and measuring it on texts it has not seen.

Source: DCLM ``train_fasttext_classifier.py`` (lr .1, 100 dimensions, 5 epochs, every word counts) and its released
model (word bigrams). The hash of a text decides whether it trains, calibrates the threshold or tests, and in which
order training sees it, so neither the order of the input nor the number of its files matters; exact duplicates are
removed first. fastText runs in one thread with a fixed seed: the same texts and settings give the same model file.
Cost: fastText's, about 1 MB of text a second, epoch and core; a file of ``(buckets + words) x dim x 4`` bytes (0.8 GB
by default), and nearly four times that in memory while it is trained and measured.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import fasttext
import polars as pl

from gristmill.core.digests import canonical_json, digest_file
from gristmill.core.errors import GristmillError, UsageError
from gristmill.tasks.classifier.card import (
    CARD,
    MODEL,
    PAGE,
    PICTURE,
    QUANTISED,
    Card,
    File,
    Side,
    Threshold,
    Trained,
    page,
)
from gristmill.tasks.classifier.config import TrainConfig
from gristmill.tasks.classifier.fit import fit, place_of, text_hashes
from gristmill.tasks.classifier.metrics import Scores, curve, measure, threshold_for_precision, threshold_for_share
from gristmill.tasks.classifier.picture import precision_recall
from gristmill.tasks.classifier.score import NEGATIVE, POSITIVE, positive_scores
from gristmill.tasks.classifier.texts import Texts, one_line
from gristmill.tasks.fasttext.files import read_model

LIBRARY, PROJECT = "fasttext-community", "gristmill"
FEWEST = 5  # texts of each class that calibration and test need
QUANTISED_ROWS = 100_000


def train(positive: Texts, negative: Texts, config: TrainConfig, out: Path, pool: Texts | None = None) -> Card:
    """Train, measure, and write ``model.bin`` (and ``model.ftz``), card and picture into the new folder ``out``.

    ``pool``: the texts whose kept share is meant; by default the calibration texts of both classes. Raises
    :class:`UsageError` for too few texts or a folder that is not empty, :class:`GristmillError` when no threshold
    reaches the wanted precision.
    """
    refuse_used(out)
    frame, contradictory = _split(positive, negative, config)
    sides = tuple(
        _side(texts, frame.filter(good)) for texts, good in ((positive, "positive"), (negative, ~pl.col("positive")))
    )
    _check_enough(sides)
    with new_folder(out) as folder:
        label = pl.when("positive").then(pl.lit(POSITIVE)).otherwise(pl.lit(NEGATIVE))
        model = fit(frame.filter(part="training").with_columns(label=label), config, folder)
        model.save_model(str(folder / MODEL))
        trained = _measure(folder / MODEL, frame, config, pool)
        quantised = None
        if config.quantise:
            _quantise(model)
            model.save_model(str(folder / QUANTISED))
            quantised = _measure(folder / QUANTISED, frame, config, pool)
        card = Card(
            name=config.name,
            label=POSITIVE,
            other_label=NEGATIVE,
            gristmill=version(PROJECT),
            fasttext=version(LIBRARY),
            settings=config.model_dump(exclude={"name", "threshold_by", "wanted", "quantise"}),
            positive=sides[0],
            negative=sides[1],
            contradictory=contradictory,
            model=trained,
            quantised=quantised,
        )
        positives = trained.metrics.positives / trained.metrics.texts
        (folder / CARD).write_bytes(canonical_json(card.model_dump(mode="json")) + b"\n")
        (folder / PAGE).write_text(page(card), encoding="utf-8")
        picture = precision_recall(trained.curve, trained.threshold.value, positives)
        (folder / PICTURE).write_text(picture, encoding="utf-8")
    return card


def _split(positive: Texts, negative: Texts, config: TrainConfig) -> tuple[pl.DataFrame, int]:
    """Distinct texts with their class and part, in the order of their hash; and how many were in both classes."""
    frame = pl.concat(
        pl.DataFrame({"text": one_line(side.texts), "positive": pl.repeat(good, len(side.texts), eager=True)})
        for side, good in ((positive, True), (negative, False))
    )
    frame = frame.with_columns(hash=text_hashes(frame["text"])).unique(["hash", "positive"])
    both = pl.col("hash").is_duplicated()
    contradictory = frame.filter(both)["hash"].n_unique()
    place = place_of("hash")
    part = (
        pl.when(place < config.heldout_share / 2)
        .then(pl.lit("calibration"))
        .when(place < config.heldout_share)
        .then(pl.lit("test"))
        .otherwise(pl.lit("training"))
    )
    return frame.filter(~both).with_columns(part=part).sort("hash"), contradictory


def _side(texts: Texts, frame: pl.DataFrame) -> Side:
    parts = dict(frame.group_by("part").len().iter_rows())
    return Side(
        files=tuple(File(name=file.name, digest=file.digest) for file in texts.files),
        texts=len(texts.texts),
        set_aside=texts.set_aside,
        repeated=len(texts.texts) - one_line(texts.texts).n_unique(),
        training=parts.get("training", 0),
        calibration=parts.get("calibration", 0),
        test=parts.get("test", 0),
    )


def _check_enough(sides: tuple[Side, ...]) -> None:
    for name, side in zip(("--positive", "--negative"), sides, strict=True):
        if min(side.training, side.calibration, side.test) < FEWEST:
            raise UsageError(
                f"{name}: {side.texts} texts, of which {side.training} train, {side.calibration} calibrate and "
                f"{side.test} test (repeats and texts of both classes are left out); each needs {FEWEST}. Give more "
                "texts, or a larger --heldout-share."
            )


def _quantise(model: "fasttext.FastText._FastText") -> None:
    try:
        model.quantize(qnorm=True, cutoff=QUANTISED_ROWS)
    except ValueError as error:
        raise UsageError(f"this model is too small to quantise: {error} Leave --quantise out.") from error


def _measure(path: Path, frame: pl.DataFrame, config: TrainConfig, pool: Texts | None) -> Trained:
    model = read_model(path)
    scored = frame.filter(pl.col("part") != "training")
    scored = scored.with_columns(score=pl.Series(positive_scores(model, scored["text"], POSITIVE)))
    calibration, test = scored.filter(part="calibration"), scored.filter(part="test")
    threshold = _threshold(calibration, config, None if pool is None else positive_scores(model, pool.texts, POSITIVE))
    scores, good = test["score"].to_numpy(), test["positive"].to_numpy()
    return Trained(
        file=path.name,
        digest=digest_file(path),
        bytes=path.stat().st_size,
        threshold=threshold,
        metrics=measure(scores, good, threshold.value),
        curve=tuple(curve(scores, good)),
    )


def _threshold(calibration: pl.DataFrame, config: TrainConfig, pool: Scores | None) -> Threshold:
    scores, good = calibration["score"].to_numpy(), calibration["positive"].to_numpy()
    if config.threshold_by == "keep_share":
        of = scores if pool is None else pool
        value: float | None = threshold_for_share(of, config.wanted)
    else:
        of = scores
        value = threshold_for_precision(scores, good, config.wanted)
    if value is None:
        best = max(point.precision for point in curve(scores, good))
        raise GristmillError(
            f"no threshold reaches a precision of {config.wanted:g} on the {len(scores)} calibration texts; the best "
            f"is {best:.3f}. Ask for less with --precision, or give more or cleaner texts."
        )
    return Threshold(
        value=value,
        chosen_by=config.threshold_by,
        wanted=config.wanted,
        pool="calibration" if of is scores else "pool",
        pool_texts=len(of),
    )


def refuse_used(out: Path) -> None:
    """Raises :class:`UsageError` for a folder that is not empty."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out {out}: this is not empty. Name a new folder for the classifier.")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder that becomes ``out`` when the block succeeds, and is removed when it does not."""
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield folder
        folder.chmod(0o755)
        folder.replace(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
