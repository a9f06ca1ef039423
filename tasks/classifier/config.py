"""Settings of training a classifier; fastText's own names are in brackets.

They stand apart from the training so that ``--help`` does not import fastText.
"""

from typing import Annotated, Literal

from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.flag import Flag


class ModelConfig(Config):
    """The model, and the texts that are held out to measure it."""

    name: Annotated[str, Flag("--name")] = Field("quality", min_length=1, description="What to call the classifier.")
    word_ngrams: Annotated[int, Flag("--word-ngrams")] = Field(
        2, ge=1, le=5, description="Longest n-gram of words [wordNgrams]."
    )
    dim: Annotated[int, Flag("--dim")] = Field(100, ge=2, le=1024, description="Dimensions of the vectors [dim].")
    epoch: Annotated[int, Flag("--epoch")] = Field(5, ge=1, le=200, description="Passes over the texts [epoch].")
    lr: Annotated[float, Flag("--lr")] = Field(0.1, gt=0, le=10, description="Learning rate [lr].")
    min_count: Annotated[int, Flag("--min-count")] = Field(
        1, ge=1, description="Words that occur less often are left out [minCount]."
    )
    buckets: Annotated[int, Flag("--buckets")] = Field(
        2_000_000, ge=1, le=1 << 26, description="Rows shared by the n-grams; fewer make a smaller file [bucket]."
    )
    seed: Annotated[int, Flag("--seed")] = Field(
        42, ge=0, le=2**31 - 1, description="Seed of the initial vectors [seed]."
    )
    heldout_share: Annotated[float, Flag("--heldout-share")] = Field(
        0.2, gt=0, le=0.5, description="Share held out: half of it chooses the threshold, the other half tests."
    )
    quantise: Annotated[bool, Flag("--quantise")] = Field(
        False, description="Write a small model.ftz beside model.bin."
    )


class TrainConfig(ModelConfig):
    """Settings of :func:`gristmill.tasks.classifier.train.train`."""

    threshold_by: Literal["keep_share", "precision"] = Field(
        "keep_share", description="What the threshold is chosen for."
    )
    wanted: float = Field(0.1, gt=0, lt=1, description="The kept share or the precision.")
