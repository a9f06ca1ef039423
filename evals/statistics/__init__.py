"""Error bars, comparisons and trajectories: closed forms and seeded resampling over plain numbers.

Items that share a passage are no independent evidence, so every function that gives an error takes ``clusters``, names
by item; an empty name stands alone. The modules need numpy and scipy and nothing else of Gristmill.
"""

from gristmill.evals.statistics.interval import Estimate, Interval
from gristmill.evals.statistics.proportions import above_chance, above_chances, wilson
from gristmill.evals.statistics.ratio import ratio

__all__ = ["Estimate", "Interval", "above_chance", "above_chances", "ratio", "wilson"]
