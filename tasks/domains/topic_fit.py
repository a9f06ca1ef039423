"""The step ``topics``: a fastText classifier of topics from labelled texts, measured on texts that it has not seen.

Exact duplicates are removed, and texts with more than one label are left out; the hash of a text says whether it trains
or tests, so an exact duplicate is never on both sides. Of a label with more than ``most`` texts those of least hash are
taken. The same texts and settings give the same file (:mod:`gristmill.tasks.classifier.fit`). Memory: the texts.
"""

from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl

from gristmill.core.config import Config
from gristmill.core.digests import canonical_json
from gristmill.core.errors import UsageError
from gristmill.core.steps.files import FilesStep, Written, files_step
from gristmill.core.steps.step import StepContext
from gristmill.tasks.classifier.fit import fit, place_of, text_hashes
from gristmill.tasks.classifier.metrics import proportion
from gristmill.tasks.classifier.score import PREFIX
from gristmill.tasks.classifier.texts import one_line
from gristmill.tasks.classifier.train import FEWEST, LIBRARY
from gristmill.tasks.domains.labelled import Labelled
from gristmill.tasks.domains.topic_card import CARD, PAGE, TopicCard, label_cards, levels_of, page
from gristmill.tasks.domains.topic_settings import TopicFitConfig
from gristmill.tasks.domains.topics import MODEL, Topics
from gristmill.tasks.fasttext.files import read_model
from gristmill.tasks.mix.domains import domain_problem

MOST_NAMED = 10


class TopicsConfig(Config):
    """What a topic classifier depends on: ``texts`` is a digest of the texts and their labels."""

    fit: TopicFitConfig
    texts: str


@dataclass(frozen=True)
class TopicsContext(StepContext):
    """The texts."""

    labelled: Labelled = field(repr=False)


def topics_step(context: TopicsContext) -> FilesStep[TopicsConfig]:
    """The step that trains a topic classifier."""

    @files_step("topics", version=1)
    def train_topics(config: TopicsConfig, out: Path) -> Written:
        """Train, measure; write the model and its card. Facts: labels, texts, accuracy and macro F1.

        Raises :class:`UsageError` as :func:`check_labels` does.
        """
        card = train(context.labelled, config.fit, out)
        facts = {
            "labels": [each.label for each in card.labels],
            "texts": card.texts,
            "accuracy": card.accuracy.value,
            "macro_f1": card.macro_f1,
        }
        return Written(facts)

    return train_topics


def train(labelled: Labelled, config: TopicFitConfig, out: Path) -> TopicCard:
    """Train, measure, and write ``model.bin`` and the card into the folder ``out``."""
    frame = pl.DataFrame({"text": one_line(labelled.texts), "label": labelled.labels})
    frame = frame.with_columns(hash=text_hashes(frame["text"])).unique(["hash", "label"])
    repeated = len(labelled.texts) - frame.height
    both = pl.col("hash").is_duplicated()
    contradictory = frame.filter(both)["hash"].n_unique()
    distinct = frame.filter(~both).sort("hash")
    frame = distinct.filter(pl.int_range(pl.len()).over("label") < config.most)
    frame = frame.with_columns(test=_tests(config.heldout_share))
    labels = check_labels(frame)
    frame = frame.with_columns(number=pl.col("label").replace_strict(labels, range(len(labels)), return_dtype=pl.Int64))
    training, test = frame.filter(~pl.col("test")), frame.filter("test")
    fit(training.with_columns(label=PREFIX + pl.col("label")), config, out).save_model(str(out / MODEL))
    topics = Topics.of_model(read_model(out / MODEL))
    numbers, scores = topics.of(test["text"])
    renumber = np.array([*(labels.index(label) for label in topics.labels), -1])
    true, found = test["number"].to_numpy(), renumber[numbers]
    cards, confusion = label_cards(labels, training["number"].to_numpy(), true, found)
    card = TopicCard(
        fasttext=version(LIBRARY),
        settings=config.model_dump(),
        files=labelled.files,
        texts=len(labelled.texts),
        set_aside=labelled.set_aside,
        repeated=repeated,
        contradictory=contradictory,
        left_out=distinct.height - frame.height,
        labels=cards,
        accuracy=proportion(int((true == found).sum()), len(true)),
        macro_f1=round(float(np.mean([each.f1 for each in cards])), 6),
        majority=round(max(each.test for each in cards) / len(true), 6),
        confusion=confusion,
        levels=levels_of(true, found, scores),
    )
    (out / CARD).write_bytes(canonical_json(card.model_dump(mode="json")) + b"\n")
    (out / PAGE).write_text(page(card), encoding="utf-8")
    return card


def check_labels(frame: pl.DataFrame) -> list[str]:
    """The labels, sorted. ``frame``: columns label and test.

    Raises :class:`UsageError` for fewer than two, for one that cannot name a domain, and for one with too few texts.
    """
    counts = frame.group_by("label").agg(test=pl.col("test").sum(), all=pl.len()).sort("label")
    labels: list[str] = counts["label"].to_list()
    if len(labels) < 2:
        what = f"only the label {labels[0]!r}" if labels else "no labelled text"
        raise UsageError(f"--label: there is {what}; a classifier needs two labels or more. Name the column of topics.")
    for label in labels:
        if problem := domain_problem(label):
            raise UsageError(f"--label: {problem}")
    few = counts.filter((pl.col("test") < FEWEST) | (pl.col("all") - pl.col("test") < FEWEST))
    if few.height:
        told = ", ".join(f"{row[0]} ({row[2] - row[1]} and {row[1]})" for row in few.head(MOST_NAMED).iter_rows())
        more = f" and {few.height - MOST_NAMED} more" if few.height > MOST_NAMED else ""
        raise UsageError(
            f"--label: too few texts to train and to test: {told}{more}; each needs {FEWEST} of both, without repeats "
            "and texts of several labels. Give more texts, leave those labels out, or name another column."
        )
    return labels


def _tests(share: float) -> pl.Expr:
    """Whether a text tests: by bits of its hash that its place in the order does not depend on."""
    return place_of("hash").mul(2.0**20).mod(1) < share
