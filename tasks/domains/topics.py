"""Topics of texts by a fastText classifier: the likeliest label of each text, and its probability.

The model is one of `gristmill domains train` or any fastText model that classifies. Texts go in as for the quality
classifier (``gristmill.tasks.classifier.texts.one_line``). Cost: about 20 MB/s a core for a model of word bigrams.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from gristmill.core.digests import digest_file
from gristmill.core.errors import UsageError
from gristmill.tasks.classifier.score import PREFIX
from gristmill.tasks.classifier.texts import one_line
from gristmill.tasks.domains.models import TopicModelConfig
from gristmill.tasks.fasttext.files import FastTextModel
from gristmill.tasks.fasttext.loading import load_model
from gristmill.tasks.fasttext.predict import predict

MODEL = "model.bin"
HINT = "Name a topic model of `gristmill domains train`, or a fastText model (.bin or .ftz) trained elsewhere."

Numbers = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


def topic_model(path: Path) -> TopicModelConfig:
    """The config for a model file or the folder of one. Raises :class:`UsageError` when there is none."""
    file = path / MODEL if path.is_dir() else path
    if not file.is_file():
        raise UsageError(f"topics: {path}: there is no such model. {HINT}")
    config = TopicModelConfig(digest=digest_file(file), path=file)
    Topics.load(config)
    return config


@dataclass(frozen=True)
class Topics:
    """A loaded classifier with its labels, without fastText's prefix."""

    model: FastTextModel
    labels: tuple[str, ...]

    @classmethod
    def load(cls, config: TopicModelConfig) -> "Topics":
        """The model, loaded once in a process. Raises :class:`UsageError` for a file that is not one, or another."""
        return cls.of_model(load_model(config.path, config.digest, HINT))

    @classmethod
    def of_model(cls, model: FastTextModel) -> "Topics":
        """With the labels of the model."""
        return cls(model, tuple(label.removeprefix(PREFIX) for label in model.labels))

    def of(self, texts: pl.Series) -> tuple[Numbers, Floats]:
        """The number of the likeliest label of each text, and its probability in [0, 1]; -1 and 0 for a text in which
        the model knows nothing."""
        lines = one_line(texts).to_arrow(compat_level=pl.CompatLevel.oldest())
        numbers, scores = predict(self.model, lines, k=1)
        return numbers[:, 0], np.clip(scores[:, 0].astype(np.float64), 0.0, 1.0)  # fastText answers up to 1.00001
