"""The other law: gradient-boosted trees, as RegMix fits them (arXiv 2407.01492), for swarms of 15 trials a domain or
more.

Settings of RegMix's notebook, but for its early stopping, which looks at the test set. Needs LightGBM (the extra
``mixing``). Trees have no gradient: the best mixture is the mean of the best of many draws. Cost: a second or more a
metric.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gristmill.core.errors import UsageError
from gristmill.tasks.mix.domains import Vector

ROUNDS = 1000
RATE = 0.01
ENOUGH_A_DOMAIN = 15


@dataclass(frozen=True)
class Boosted:
    """A fitted law of one metric."""

    booster: Any

    def predict(self, mixtures: NDArray[np.float64]) -> Vector:
        """Losses, shape (n,), of mixtures of shape (n, k)."""
        losses: Vector = self.booster.predict(mixtures, num_threads=1)
        return losses


def fit_boosted(
    mixtures: NDArray[np.float64], losses: Vector, weights: Vector | None = None, *, seed: int = 42
) -> Boosted:
    """The law of one metric from trials: mixtures (n, k), losses (n,), weights (n,). One thread, so deterministic.

    Raises ``UsageError`` when LightGBM is not installed.
    """
    try:
        import lightgbm
    except ImportError as error:
        raise UsageError(
            "the law lightgbm needs LightGBM: pip install 'gristmill[mixing]', or take the law log-linear."
        ) from error
    settings = {
        "objective": "regression",
        "learning_rate": RATE,
        "seed": seed,
        "verbosity": -1,
        "num_threads": 1,
        "deterministic": True,
    }
    data = lightgbm.Dataset(mixtures, losses, weight=weights, params={"verbosity": -1})
    return Boosted(lightgbm.train(settings, data, num_boost_round=ROUNDS))
