"""Estimates from a sample, each with a 95 % interval.

A *share* (records that a rule takes) has Wilson's interval (Wilson 1927), with the number of records that the sample
is worth: where it was drawn from some of the files only, records of one file are alike, and the number is reduced by
the design effect (Kish 1965), estimated from the spread between files; where a good part of all records was examined,
it is raised by the finite-population correction. An *amount* (bytes, seconds) has Student's interval over blocks of the
sample. Products of estimates take the products of their ends, which is a little too wide.
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
    """A number that is known."""
    return Estimate(value=value, low=value, high=value)


def wilson(hits: float, worth: float) -> Estimate:
    """A share of ``hits / worth``, where the sample is worth ``worth`` independent records. (0, 0, 1) for none."""
    if worth <= 0:
        return Estimate(value=0, low=0, high=1)
    if math.isinf(worth):
        return exact(hits)
    share = hits / worth
    middle = (share + Z * Z / (2 * worth)) / (1 + Z * Z / worth)
    half = Z / (1 + Z * Z / worth) * math.sqrt(share * (1 - share) / worth + Z * Z / (4 * worth * worth))
    return Estimate(value=share, low=max(0.0, min(share, middle - half)), high=min(1.0, max(share, middle + half)))


def share_of(hits: Sequence[int], sizes: Sequence[int], population: float, files: int) -> Estimate:
    """A share from sampled records: ``hits[i]`` of ``sizes[i]`` in file i of the files that were read.

    ``population``: all records there are. ``files``: all files there are; those read are ``len(sizes)``.
    """
    n, found = sum(sizes), sum(hits)
    if n == 0:
        return wilson(0, 0)
    share = found / n
    if n >= population:
        return exact(share)
    worth = n * (population - 1) / (population - n)
    read = len(sizes)
    if read < files and read > 1 and 0 < share < 1:
        spread = sum((hit - share * size) ** 2 for hit, size in zip(hits, sizes, strict=True))
        variance = (1 - read / files) * read / (read - 1) * spread / (n * n)
        worth = min(worth, share * (1 - share) / variance) if variance > 0 else worth
    return wilson(share * worth, worth)


def mean_of(values: Sequence[float], population: float = math.inf) -> Estimate:
    """The mean of values that are a sample of ``population`` values, by Student's t; the value alone when it is one."""
    found = np.asarray(values, np.float64)
    mean = float(found.mean())
    if len(found) < 2:
        return Estimate(value=mean, low=0, high=2 * mean)
    error = float(found.std(ddof=1)) / math.sqrt(len(found)) * math.sqrt(max(0.0, 1 - len(found) / population))
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(found) - 1)) * error
    return Estimate(value=mean, low=max(0.0, mean - half), high=mean + half)


def ratio_of(parts: Sequence[float], wholes: Sequence[float], population: float = math.inf) -> Estimate:
    """The ratio of two sums over sampled units (records over bytes of files), by the usual ratio estimator.

    ``population``: how many units there are. Known exactly when all were looked at.
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

    A duplicate is only seen when the sample has its original too, so the sample shows too few. If all duplicates came
    in pairs, one in ``rate`` squared would be seen; in huge clusters, one in ``rate``. The truth is between: the low
    end is the count over ``rate``, the high end the count over ``rate`` squared (at most all documents), both at the
    ends of the count's own 95 % interval (Garwood's, for a Poisson count); the value is the geometric mean of the two.
    """
    if rate >= 1:
        return exact(found)
    low_count = float(chi2.ppf((1 - CONFIDENCE) / 2, 2 * found)) / 2 if found else 0.0
    high_count = float(chi2.ppf((1 + CONFIDENCE) / 2, 2 * found + 2)) / 2
    low = min(documents, low_count / rate)
    high = min(documents, high_count / (rate * rate))
    middle = min(documents, found / rate), min(documents, found / (rate * rate))
    return Estimate(value=math.sqrt(middle[0] * middle[1]), low=low, high=max(low, high))
