"""The shares that a mixture asks for beside those that its plan gives, and both as rows of the lake.

Cost: O(stages x domains); the plan is not walked, its counts are closed forms.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from gristmill.core.digests import digest_digests
from gristmill.core.errors import GristmillError
from gristmill.schemas.tables import Mixtures, MixtureTrace
from gristmill.tasks.mix.apportion import DEVIATION_ROWS
from gristmill.tasks.mix.mixers.mixer import Goal, Mixture, Outcome
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.token_store import TokenStore


@dataclass(frozen=True)
class Share:
    """One domain in one stage: shares of the stage's rows as the method asked, as capped, and as the plan gives."""

    stage: int
    until_token: int
    domain: str
    raw: float
    requested: float
    realised: float
    rows: int
    epochs: float


def audit(plan: Plan, mixture: Mixture, max_epochs: float | Mapping[str, float]) -> list[Share]:
    """Every domain of every stage. Raises :class:`GristmillError` when the plan is not one of this mixture.

    That is when it was made from another, when a domain has 2 rows more or fewer than its share of a stage, or when it
    is seen more often than ``max_epochs`` (one cap for all, or one for each) beyond that rounding.
    """
    if plan.mixture != mixture.digest:
        raise GristmillError("the plan was made from another mixture. Make the plan again.")
    realised = plan.realised()
    shares: list[Share] = []
    start = 0
    for number, (stage, planned) in enumerate(zip(mixture.stages, plan.stages, strict=True)):
        size = planned.end_row - start
        for entry in plan.domains:
            rows = realised[entry.name].stage_rows[number]
            if abs(rows - stage.weights[entry.name] * size) >= DEVIATION_ROWS:
                raise GristmillError(
                    f"stage {number} gives {entry.name!r} {rows} of {size} rows, and the mixture asks for a share of "
                    f"{stage.weights[entry.name]:.6f}. The plan is wrong; make it again."
                )
            raw, share = stage.raw[entry.name], stage.weights[entry.name]
            epochs = rows / entry.rows
            shares.append(Share(number, stage.until_token, entry.name, raw, share, rows / size, rows, epochs))
        start = planned.end_row
    for entry in plan.domains:
        rows = realised[entry.name].rows
        most = max_epochs[entry.name] if isinstance(max_epochs, Mapping) else max_epochs
        if rows > entry.rows * most + DEVIATION_ROWS * len(plan.stages):
            raise GristmillError(f"{entry.name!r} is seen {rows / entry.rows:.2f} times; the cap is {most}.")
    return shares


def mixture_digest(mixture: Mixture, plan: Plan, store: TokenStore) -> str:
    """Digest of weights, plan and token store: what a training run is a function of, beside its recipe."""
    return digest_digests([mixture.digest, plan.digest, store.digest])


def mixture_rows(name: str, mixture: Mixture, plan: Plan, store: TokenStore, goal: Goal) -> pa.Table:
    """Rows of the table ``mixtures``. ``realised``, ``rows`` and ``epochs`` are those of the stage.

    Raises as :func:`audit` does.
    """
    digest = mixture_digest(mixture, plan, store)
    rows = [
        {
            "mixture": name,
            "method": mixture.method,
            "digest": digest,
            "stage": share.stage,
            "until_token": share.until_token,
            "domain": share.domain,
            "weight_raw": share.raw,
            "weight": share.requested,
            "realised": share.realised,
            "rows": share.rows,
            "epochs": share.epochs,
            "max_epochs": goal.epochs(share.domain),
        }
        for share in audit(plan, mixture, {entry.name: goal.epochs(entry.name) for entry in plan.domains})
    ]
    return pa.Table.from_pylist(rows, schema=Mixtures.schema)


def trace_rows(name: str, outcome: Outcome) -> pa.Table:
    """Rows of the table ``mixture_trace`` from the outcome of a proxy; none for a trial that did not reweight."""
    trace = outcome.trace
    rows = [
        {"mixture": name, "step": step, "domain": domain, "weight": weights[place], "excess_loss": excess[place]}
        for step, (weights, excess) in enumerate(zip(trace.weights, trace.excess, strict=True))
        for place, domain in enumerate(trace.domains)
    ]
    return pa.Table.from_pylist(rows, schema=MixtureTrace.schema)
