"""Estimates: one with the ends of its interval, one with its standard error."""

from typing import NamedTuple

from scipy.special import stdtrit


class Interval(NamedTuple):
    """An estimate with the ends of its interval."""

    value: float
    low: float
    high: float


class Estimate(NamedTuple):
    """A value with its standard error and the error's degrees of freedom."""

    value: float
    error: float
    freedom: float

    def interval(self, confidence: float = 0.95) -> Interval:
        """Student's t interval."""
        half = self.quantile(confidence) * self.error
        return Interval(self.value, self.value - half, self.value + half)

    def quantile(self, confidence: float = 0.95) -> float:
        """The factor of the error in the two-sided interval."""
        return float(stdtrit(self.freedom, 0.5 + confidence / 2))


def within(interval: Interval, least: float = 0.0, most: float = 1.0) -> Interval:
    """The interval clipped to the possible values, ``least`` to ``most``."""
    return Interval(interval.value, max(least, interval.low), min(most, interval.high))
