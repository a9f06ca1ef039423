"""Settings of training a harm classifier. They stand apart from the training so that ``--help`` does not import it."""

from typing import Annotated

from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.flag import Flag


class HarmFitConfig(Config):
    """fastText's settings, and how texts are divided. Small vectors and three words: posts are short."""

    heldout_share: Annotated[float, Flag("--heldout-share")] = Field(
        0.3, gt=0, le=0.6, description="Share held out: half of it calibrates, the other half tests."
    )
    word_ngrams: Annotated[int, Flag("--word-ngrams")] = Field(
        3, ge=1, le=5, description="Longest n-gram of words, or of Chinese characters [wordNgrams]."
    )
    dim: Annotated[int, Flag("--dim")] = Field(16, ge=2, le=1024, description="Dimensions of the vectors [dim].")
    epoch: Annotated[int, Flag("--epoch")] = Field(8, ge=1, le=200, description="Passes over the texts [epoch].")
    lr: Annotated[float, Flag("--lr")] = Field(0.3, gt=0, le=10, description="Learning rate [lr].")
    min_count: Annotated[int, Flag("--min-count")] = Field(
        2, ge=1, description="Words that occur less often are left out [minCount]."
    )
    buckets: Annotated[int, Flag("--buckets")] = Field(
        200_000, ge=1, le=1 << 26, description="Rows shared by the n-grams; fewer make a smaller file [bucket]."
    )
    seed: Annotated[int, Flag("--seed")] = Field(
        42, ge=0, le=2**31 - 1, description="Seed of the initial vectors [seed]."
    )
    most_false: Annotated[float, Flag("--most-false")] = Field(
        0.05, gt=0, lt=1, description="Share of benign texts that mention a group which a bounded threshold may flag."
    )
    threshold: Annotated[float, Flag("--threshold")] = Field(
        0.5, gt=0, lt=1, description="Probability at which precision, recall and false positives are measured."
    )
