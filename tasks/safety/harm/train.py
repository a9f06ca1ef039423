"""Training a harm classifier from labelled tables: a fastText model a kind, calibrated and tested on other texts.

One model a kind, because tables label some kinds and say nothing of others: a text without a label must not count as
benign. The hash of a text, or of its group (the rows of one template), says whether it trains, calibrates or tests, so
neither exact duplicates nor templates are on two sides; a table may be for tests alone. Texts with both labels are left
out. The same tables and settings give the same files (:mod:`gristmill.tasks.classifier.fit`). Cost: fastText's, about
1 MB of text a second, epoch and core. Memory: the texts.
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl

from gristmill.core.digests import canonical_json, digest_file
from gristmill.core.errors import UsageError
from gristmill.tasks.classifier.card import CARD, PAGE
from gristmill.tasks.classifier.fit import fit, place_of, text_hashes
from gristmill.tasks.classifier.metrics import Labels, Scores, measure, proportion
from gristmill.tasks.classifier.picture import reliability_picture
from gristmill.tasks.classifier.score import PREFIX, positive_scores
from gristmill.tasks.classifier.train import FEWEST, LIBRARY, new_folder, refuse_used
from gristmill.tasks.fasttext.files import read_model
from gristmill.tasks.safety.harm.calibrate import calibrated, reliability
from gristmill.tasks.safety.harm.card import (
    Bound,
    HarmCard,
    IdentityErrors,
    KindCard,
    TableResult,
    page,
    picture_name,
)
from gristmill.tasks.safety.harm.settings import HarmFitConfig
from gristmill.tasks.safety.harm.tables import KINDS, HarmTables, files_of, labelled_rows

YES, NO = f"{PREFIX}yes", f"{PREFIX}no"


def train(tables: HarmTables, config: HarmFitConfig, out: Path) -> HarmCard:
    """Train, calibrate, measure, and write models, card and pictures into the new folder ``out``.

    Raises :class:`UsageError` for tables that cannot be read, a kind with too few texts, and a folder in use.
    """
    refuse_used(out)
    rows = labelled_rows(tables)
    key = pl.coalesce("group", "text")
    rows = rows.with_columns(split=text_hashes(rows.select(key).to_series()))
    place = place_of("split")
    rows = rows.with_columns(
        part=pl.when("test_only")
        .then(pl.lit("test"))
        .when(place < config.heldout_share / 2)
        .then(pl.lit("calibration"))
        .when(place < config.heldout_share)
        .then(pl.lit("test"))
        .otherwise(pl.lit("training"))
    )
    learnt = [kind for kind in KINDS if rows.filter(~pl.col("test_only"))[kind].is_not_null().any()]
    if not learnt:
        raise UsageError("every table is test_only, so there is nothing to learn from. Take test_only from one.")
    with new_folder(out) as folder:
        card = HarmCard(
            fasttext=version(LIBRARY),
            threshold=config.threshold,
            settings=config.model_dump(),
            files=files_of(tables),
            kinds=tuple(_kind(kind, rows, config, folder) for kind in learnt),
        )
        (folder / CARD).write_bytes(canonical_json(card.model_dump(mode="json")) + b"\n")
        (folder / PAGE).write_text(page(card), encoding="utf-8")
        for kind in card.kinds:
            (folder / picture_name(kind.kind)).write_text(
                reliability_picture(
                    [(entry.expected, entry.observed) for entry in kind.after.bins],
                    f"{kind.kind}: calibration error {kind.after.error:.3f}, {kind.before.error:.3f} before",
                ),
                encoding="utf-8",
            )
    return card


def _kind(kind: str, rows: pl.DataFrame, config: HarmFitConfig, folder: Path) -> KindCard:
    named = rows.filter(pl.col(kind).is_not_null()).rename({kind: "positive"})
    distinct = named.unique(["hash", "positive"], keep="first", maintain_order=True)
    both = pl.col("hash").is_duplicated()
    contradictory = distinct.filter(both)["hash"].n_unique()
    repeated = named.height - distinct.height
    chosen = _without_leaks(distinct.filter(~both)).sort("hash")
    _check_enough(kind, chosen)
    label = pl.when("positive").then(pl.lit(YES)).otherwise(pl.lit(NO))
    training = chosen.filter(part="training").with_columns(label=label)
    path = folder / f"{kind}.bin"
    fit(training, config, folder).save_model(str(path))
    model = read_model(path)
    held = chosen.filter(pl.col("part") != "training")
    held = held.with_columns(score=pl.Series(positive_scores(model, held["text"], YES)))
    calibration = held.filter(part="calibration")
    scaled = calibrated(calibration["score"].to_numpy(), calibration["positive"].to_numpy())
    test = held.filter(part="test").with_columns(
        probability=pl.Series(scaled.of(held.filter(part="test")["score"].to_numpy()))
    )
    own = test.filter(~pl.col("test_only"))
    truth = own["positive"].to_numpy()
    return KindCard(
        kind=kind,
        file=path.name,
        digest=digest_file(path),
        training=training.height,
        training_positives=int(training["positive"].sum()),
        calibration=calibration.height,
        repeated=repeated,
        contradictory=contradictory,
        scaled=scaled,
        before=reliability(own["score"].to_numpy(), truth),
        after=reliability(own["probability"].to_numpy(), truth),
        tables=tuple(_of_table(part, config.threshold) for part in test.partition_by("table", maintain_order=True)),
        identities=_of_identities(test, config.threshold),
        bound=_bound(test.filter(pl.col("identity").is_not_null()), config.most_false),
    )


def _without_leaks(frame: pl.DataFrame) -> pl.DataFrame:
    """Without texts that train or calibrate and stand in a table for tests, too: the test keeps them."""
    return frame.sort("test_only", descending=True, maintain_order=True).unique(
        "hash", keep="first", maintain_order=True
    )


def _check_enough(kind: str, frame: pl.DataFrame) -> None:
    counts = frame.filter(~pl.col("test_only")).group_by("part", "positive").len()
    found = {(part, positive): count for part, positive, count in counts.iter_rows()}
    for part in ("training", "calibration", "test"):
        few = min(found.get((part, positive), 0) for positive in (True, False))
        if few < FEWEST:
            raise UsageError(
                f"{kind}: {few} texts of one side for {part}, without repeats and texts with both labels; it needs "
                f"{FEWEST} of each side. Give more texts, smaller groups, or another --heldout-share."
            )


def _of_table(test: pl.DataFrame, threshold: float) -> TableResult:
    scores: Scores = test["probability"].to_numpy()
    positive: Labels = test["positive"].to_numpy()
    flagged = scores >= threshold
    positives = int(positive.sum())
    return TableResult(
        table=test["table"][0],
        texts=test.height,
        positives=positives,
        test_only=bool(test["test_only"][0]),
        metrics=measure(scores, positive, threshold) if 0 < positives < test.height else None,
        recall=proportion(int((flagged & positive).sum()), positives),
        false_positives=proportion(int((flagged & ~positive).sum()), test.height - positives),
    )


def _bound(mentions: pl.DataFrame, wanted: float) -> Bound | None:
    """Templates are halved, not texts: the half that measures has none of those that chose the threshold."""
    choosing = place_of("split").mul(2.0**20).mod(1) < 0.5
    chooses, measures = mentions.filter(choosing), mentions.filter(~choosing)
    benign = np.sort(chooses.filter(~pl.col("positive"))["probability"].to_numpy())
    for flagged in range(int(wanted * len(benign)), -1, -1):
        high = proportion(flagged, len(benign)).high
        if high is not None and high <= wanted:
            break
    else:
        return None
    threshold = float(np.nextafter(benign[len(benign) - flagged - 1], 2.0))
    positive, found = measures["positive"].to_numpy(), measures["probability"].to_numpy() >= threshold
    return Bound(
        wanted=wanted,
        threshold=threshold,
        false_positives=proportion(int((found & ~positive).sum()), int((~positive).sum())),
        recall=proportion(int((found & positive).sum()), int(positive.sum())),
    )


def _of_identities(test: pl.DataFrame, threshold: float) -> tuple[IdentityErrors, ...]:
    benign = test.filter(~pl.col("positive") & pl.col("identity").is_not_null())
    found = benign.group_by("table", "identity").agg(texts=pl.len(), flagged=(pl.col("probability") >= threshold).sum())
    return tuple(
        IdentityErrors(table=table, identity=identity, texts=texts, false_positives=proportion(flagged, texts))
        for table, identity, texts, flagged in found.sort("table", "identity").iter_rows()
    )
