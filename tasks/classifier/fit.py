"""Fitting a fastText classifier the same way every time: one thread, a fixed seed, texts in the order of their hashes.

The hash of a text says where it stands, so neither the order of the input nor the number of its files matters, and
exact duplicates stand together. Words of a text that look like fastText's labels are removed: a page must not choose
its class. Cost: fastText's, about 1 MB of text a second, epoch and core.
"""

from pathlib import Path
from typing import Protocol

import fasttext
import polars as pl
import xxhash

from gristmill.core.errors import UsageError

SPACES = " \t\x0b\x0c\r\x00"


class FastTextSettings(Protocol):
    """Settings of :func:`fit`; fastText's own names are in brackets."""

    @property
    def word_ngrams(self) -> int:
        """Longest n-gram of words [wordNgrams]."""

    @property
    def dim(self) -> int:
        """Size of the vectors [dim]."""

    @property
    def epoch(self) -> int:
        """Passes over the texts [epoch]."""

    @property
    def lr(self) -> float:
        """Learning rate [lr]."""

    @property
    def min_count(self) -> int:
        """Rarer words are left out [minCount]."""

    @property
    def buckets(self) -> int:
        """Rows shared by the n-grams [bucket]."""

    @property
    def seed(self) -> int:
        """Seed of the initial vectors [seed]."""


def text_hashes(texts: pl.Series) -> pl.Series:
    """xxh3-64 of each text."""
    return pl.Series([xxhash.xxh3_64_intdigest(text.encode("utf-8")) for text in texts], dtype=pl.UInt64)


def place_of(hashes: str) -> pl.Expr:
    """A number in [0, 1) for each hash of a column, by which a text is told where it belongs."""
    return pl.col(hashes) / 2.0**64


def fit(frame: pl.DataFrame, config: FastTextSettings, folder: Path) -> "fasttext.FastText._FastText":
    """The model of ``frame``: columns ``label``, with fastText's prefix, and ``text``, each on one line.

    ``folder`` takes a file for the time of training. Raises :class:`UsageError` when fastText cannot train.
    """
    looks = f"(^|[{SPACES}])__label__[^{SPACES}]*"
    lines = frame.select(pl.col("label") + " " + pl.col("text").str.replace_all(looks, "$1")).to_series()
    path = folder / "training.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        return fasttext.train_supervised(
            input=str(path),
            lr=config.lr,
            dim=config.dim,
            epoch=config.epoch,
            minCount=config.min_count,
            wordNgrams=config.word_ngrams,
            bucket=config.buckets,
            loss="softmax",
            thread=1,
            seed=config.seed,
            verbose=0,
        )
    except (ValueError, RuntimeError) as error:
        raise UsageError(f"fastText cannot train on these texts: {error} Try another --lr or --min-count.") from error
    finally:
        path.unlink()
