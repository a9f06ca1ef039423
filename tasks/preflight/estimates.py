"""Estimates from a sample, each with a 95 % interval.

A *share* (records that a rule removes) has Wilson's interval (Wilson 1927) at the effective sample size. Records of one
file are alike, so if only some of the files were read, the size is reduced by the design effect (Kish 1965), estimated
from the spread between files; if a good part of all records was examined, the finite-population correction raises it.
An *amount* (bytes, seconds) has Student's interval over blocks of the sample. The interval of a product is the product
of the ends, which is a little too wide.
"""

import math
from collections.abc import Sequence

import numpy as np
from pydantic import Field
from scipy.stats import chi2, t

from gristmill.core.config import Config

Z = 1.959963984540054  # of the normal distribution, for 95 %
CONFIDENCE = 0.95


class Estimate(Config):
    """A number and its 95 % confidence interval."""

    value: float = Field(ge=0)
    low: float = Field(ge=0)
    high: float = Field(ge=0)

    def times(self, other: "Estimate") -> "Estimate":
        """The product of two estimates."""
        return Estimate(value=self.value * other.value, low=self.low * other.low, high=self.high * other.high)

    def plus(self, other: "Estimate") -> "Estimate":
        """The sum of two estimates."""
        return Estimate(value=self.value + other.value, low=self.low + other.low, high=self.high + other.high)


def exact(value: float) -> Estimate:
    """A known number: an interval of width 0."""
    return Estimate(value=value, low=value, high=value)


def wilson(hits: float, size: float) -> Estimate:
    """The share ``hits / size`` of ``size`` independent records (the effective sample size). (0, 0, 1) for none."""
    if size <= 0:
        return Estimate(value=0, low=0, high=1)
    if math.isinf(size):
        return exact(hits)
    share = hits / size
    middle = (share + Z * Z / (2 * size)) / (1 + Z * Z / size)
    half = Z / (1 + Z * Z / size) * math.sqrt(share * (1 - share) / size + Z * Z / (4 * size * size))
    return Estimate(value=share, low=max(0.0, min(share, middle - half)), high=min(1.0, max(share, middle + half)))


def share_of(hits: Sequence[int], sizes: Sequence[int], population: float, files: int) -> Estimate:
    """A share from sampled records: ``hits[i]`` of ``sizes[i]`` in file i of the files that were read.

    ``population``: the number of all records. ``files``: the number of all files; ``len(sizes)`` of them were read.
    """
    n, found = sum(sizes), sum(hits)
    if n == 0:
        return wilson(0, 0)
    share = found / n
    if n >= population:
        return exact(share)
    size = n * (population - 1) / (population - n)
    read = len(sizes)
    if read < files and read > 1 and 0 < share < 1:
        spread = sum((hit - share * count) ** 2 for hit, count in zip(hits, sizes, strict=True))
        variance = (1 - read / files) * read / (read - 1) * spread / (n * n)
        size = min(size, share * (1 - share) / variance) if variance > 0 else size
    return wilson(share * size, size)


def mean_of(values: Sequence[float], population: float = math.inf) -> Estimate:
    """The mean of values that are a sample of ``population`` values, by Student's t.

    A single value has the interval from 0 to twice itself.
    """
    found = np.asarray(values, np.float64)
    mean = float(found.mean())
    if len(found) < 2:
        return Estimate(value=mean, low=0, high=2 * mean)
    error = float(found.std(ddof=1)) / math.sqrt(len(found)) * math.sqrt(max(0.0, 1 - len(found) / population))
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(found) - 1)) * error
    return Estimate(value=mean, low=max(0.0, mean - half), high=mean + half)


def ratio_of(parts: Sequence[float], wholes: Sequence[float], population: float = math.inf) -> Estimate:
    """The ratio of two sums over sampled units (records over bytes of files), by the usual ratio estimator.

    ``population``: the number of all units. The ratio is exact if all of them were sampled.
    """
    part, whole = np.asarray(parts, np.float64), np.asarray(wholes, np.float64)
    ratio = float(part.sum() / whole.sum()) if whole.sum() else 0.0
    units = len(part)
    if units >= population:
        return exact(ratio)
    if units < 2:
        return Estimate(value=ratio, low=0, high=2 * ratio)
    residual = float(np.sum((part - ratio * whole) ** 2)) / (units - 1)
    error = math.sqrt((1 - units / population) * residual / units) / float(whole.mean())
    half = float(t.ppf((1 + CONFIDENCE) / 2, units - 1)) * error
    return Estimate(value=ratio, low=max(0.0, ratio - half), high=ratio + half)


def duplicates(found: int, rate: float, documents: float) -> Estimate:
    """Documents that deduplication would remove, from the ``found`` ones that it removed in a sample of ``rate``.

    A duplicate is only seen if the sample has its original too, so the sample shows too few. If all duplicates came in
    pairs, a share ``rate`` squared of them would be seen; in huge clusters, a share ``rate``. The truth lies between:
    the low end is the count over ``rate``, the high end the count over ``rate`` squared (at most all documents), both
    at the ends of the count's own 95 % interval (Garwood's, for a Poisson count); the value is the geometric mean of
    the two.
    """
    if rate >= 1:
        return exact(found)
    low_count = float(chi2.ppf((1 - CONFIDENCE) / 2, 2 * found)) / 2 if found else 0.0
    high_count = float(chi2.ppf((1 + CONFIDENCE) / 2, 2 * found + 2)) / 2
    low = min(documents, low_count / rate)
    high = min(documents, high_count / (rate * rate))
    middle = min(documents, found / rate), min(documents, found / (rate * rate))
    return Estimate(value=math.sqrt(middle[0] * middle[1]), low=low, high=max(low, high))
