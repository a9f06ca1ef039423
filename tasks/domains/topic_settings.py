"""Settings of training a topic classifier; fastText's own names are in brackets.

They stand apart from the training so that ``--help`` does not import fastText.
"""

from typing import Annotated

from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.flag import Flag


class TopicFitConfig(Config):
    """fastText's settings for topics, and how texts are divided. Smaller than for quality: topics show in few words."""

    most: Annotated[int, Flag("--most")] = Field(
        5_000, ge=10, description="Texts to take of each label, those of least hash; the rest is left out."
    )
    heldout_share: Annotated[float, Flag("--heldout-share")] = Field(
        0.2, gt=0, le=0.5, description="Share of the texts that tests."
    )
    word_ngrams: Annotated[int, Flag("--word-ngrams")] = Field(
        2, ge=1, le=5, description="Longest n-gram of words [wordNgrams]."
    )
    dim: Annotated[int, Flag("--dim")] = Field(32, ge=2, le=1024, description="Dimensions of the vectors [dim].")
    epoch: Annotated[int, Flag("--epoch")] = Field(25, ge=1, le=200, description="Passes over the texts [epoch].")
    lr: Annotated[float, Flag("--lr")] = Field(0.5, gt=0, le=10, description="Learning rate [lr].")
    min_count: Annotated[int, Flag("--min-count")] = Field(
        1, ge=1, description="Words that occur less often are left out [minCount]."
    )
    buckets: Annotated[int, Flag("--buckets")] = Field(
        200_000, ge=1, le=1 << 26, description="Rows shared by the n-grams; fewer make a smaller file [bucket]."
    )
    seed: Annotated[int, Flag("--seed")] = Field(
        42, ge=0, le=2**31 - 1, description="Seed of the initial vectors [seed]."
    )
