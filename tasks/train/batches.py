"""The tokens of a run of rows of a plan, as a trainer takes them."""

import numpy as np
from numpy.typing import NDArray

from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.token_store import TokenStore


def batch(plan: Plan, store: TokenStore, start_row: int, stop_row: int) -> NDArray[np.int64]:
    """The tokens of rows ``start_row`` to ``stop_row``: shape (rows, L+1), int64.

    Inputs are ``[:, :-1]``, labels ``[:, 1:]``. Call ``plan.require(store)`` once before. Raises ``IndexError``
    outside the plan.
    """
    rows = plan.rows(start_row, stop_row)
    out = np.empty((stop_row - start_row, plan.row_tokens), dtype=np.int64)
    for place, (domain, position) in enumerate(zip(rows.domain.tolist(), rows.position.tolist(), strict=True)):
        out[place] = store.row(plan.domains[domain].name, position, plan.row_tokens)
    return out
