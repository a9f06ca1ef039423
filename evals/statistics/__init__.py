"""Error bars, comparisons and trajectories: closed forms and seeded resampling over plain numbers.

Items that share a passage are not independent evidence, so every function that returns an error takes ``clusters``, a
name for each item; an item with an empty name is a cluster by itself. The modules need only numpy and scipy, and
nothing else of Gristmill.
"""

from gristmill.evals.statistics.interval import Estimate, Interval
from gristmill.evals.statistics.proportions import above_chance, above_chances, wilson
from gristmill.evals.statistics.ratio import ratio

__all__ = ["Estimate", "Interval", "above_chance", "above_chances", "ratio", "wilson"]
