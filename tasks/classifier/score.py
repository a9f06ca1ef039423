"""The quality of a text as a trained fastText classifier sees it: the probability of its positive label.

Source: DCLM ``quality_prediction_enrichers_calc_fasttext.py``: the text on one line, the most probable label; where
that is the other of two labels, one minus its probability. DCLM's ``fasttext_oh_eli5.bin`` works by path (label
``__label__hq``, threshold 0.018112). A model is numbers and words, not a pickle: reading one runs no code.
Cost: about 22 MB/s a core for word bigrams of 100 dimensions, bound by fetching rows of the matrix.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.digests import digest_file
from gristmill.core.errors import UsageError
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.tables import Documents, SignalsClassifier
from gristmill.tasks.classifier.card import CARD, MODEL, Card, read_card
from gristmill.tasks.classifier.texts import one_line
from gristmill.tasks.fasttext.files import FastTextModel
from gristmill.tasks.fasttext.loading import load_model
from gristmill.tasks.fasttext.predict import predict
from gristmill.tasks.text.slices import map_slices, one_chunk

PREFIX = "__label__"
POSITIVE, NEGATIVE = "__label__hq", "__label__cc"  # as in DCLM: high quality, and the crawl
HINT = "Name a folder that `gristmill classifier train` wrote, or a fastText model (.bin or .ftz) trained elsewhere."


class ClassifierConfig(Config):
    """``name`` and ``digest`` (xxh3-128) of the model file, and its positive ``label``. See :func:`classifier_config`.

    ``path`` says where the file is on this machine; it is left out of the JSON form and so of the cache key.
    """

    name: str
    digest: str
    label: str
    path: Path = Field(exclude=True, repr=False)


def classifier_config(model: Path, label: str | None = None) -> ClassifierConfig:
    """The config for a model file, or for the folder that ``gristmill classifier train`` wrote.

    ``label`` is the positive label, by default the one in the card beside the model, else ``__label__hq``. Raises
    :class:`UsageError` for a file that is not a model, one changed after its card was written, and an unknown label.
    """
    path = model / MODEL if model.is_dir() else model
    if not path.is_file():
        raise UsageError(f"{path}: there is no such model. {HINT}")
    digest = digest_file(path)
    card = card_of(path, digest)
    wanted = label or (card.label if card is not None else POSITIVE)
    wanted = wanted if wanted.startswith(PREFIX) else PREFIX + wanted
    labels = load_model(path, digest, HINT).labels
    if wanted not in labels:
        known = ", ".join(name.removeprefix(PREFIX) for name in labels[:20])
        raise UsageError(
            f"{path}: this model has no label {wanted!r}. Give the good one with --label; it has: {known}."
        )
    return ClassifierConfig(name=path.name, digest=digest, label=wanted, path=path)


def card_of(path: Path, digest: str) -> Card | None:
    """The card beside a model; None if there is none. Raises :class:`UsageError` when it is for another file."""
    if not (path.parent / CARD).is_file():
        return None
    card = read_card(path.parent / CARD)
    try:
        known = card.trained(path.name)
    except KeyError:
        return None
    if known.digest != digest:
        raise UsageError(f"{path}: this model was changed after its card {CARD} was written. Train it again.")
    return card


@shard_step("classifier", version=1, reads=(Documents,), writes=(SignalsClassifier,))
def classifier(documents: pa.Table, config: ClassifierConfig) -> pa.Table:
    """One row of ``signals/classifier`` for each row of ``documents``, in their order.

    Raises :class:`UsageError` when the model is missing or is not the one in the config.
    """
    model = load_model(config.path, config.digest, HINT)

    def score(part: pa.Table) -> pa.Table:
        scores = positive_scores(model, pl.Series(one_chunk(part.column("text"))), config.label)
        return pa.table([part.column("doc_id"), pa.array(scores)], SignalsClassifier.schema)

    return map_slices(score, documents)


def positive_scores(model: FastTextModel, texts: pl.Series, label: str) -> npt.NDArray[np.float64]:
    """The probability of ``label`` for each text, in [0, 1]; 0 for a text in which the model knows nothing."""
    positive = model.labels.index(label)
    lines = one_line(texts).to_arrow(compat_level=pl.CompatLevel.oldest())
    if len(model.labels) == 2:
        labels, scores = predict(model, lines, k=1)
        best = scores[:, 0].astype(np.float64)
        found = np.where(labels[:, 0] == positive, best, np.where(labels[:, 0] < 0, 0.0, 1.0 - best))
    else:
        labels, scores = predict(model, lines, k=len(model.labels))
        found = np.where(labels == positive, scores.astype(np.float64), 0.0).sum(axis=1)
    return np.clip(found, 0.0, 1.0)  # fastText answers up to 1.00001
