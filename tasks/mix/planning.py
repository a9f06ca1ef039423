"""From a capped mixture to the plan of its run."""

from collections.abc import Mapping, Sequence

from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.apportion import DEVIATION_ROWS, UNIT, quantise
from gristmill.tasks.mix.domains import Domain, vector
from gristmill.tasks.mix.mixers.mixer import Mixture
from gristmill.tasks.mix.orders.stored import StageOrder
from gristmill.tasks.mix.plan import Plan, PlanDomain, PlanStage


def make_plan(
    mixture: Mixture,
    domains: Sequence[Domain],
    *,
    row_tokens: int,
    block: int,
    seed: int,
    max_epochs: float | Mapping[str, float],
) -> Plan:
    """The plan of a capped mixture over the domains of a token store (``store.domains(row_tokens)``).

    ``max_epochs`` is one cap for all domains or one for each. Stages in the order of a signal are still to be sorted
    (:func:`gristmill.tasks.mix.orders.sorting.sort_stages`). Raises :class:`GristmillError` when a domain would be
    seen more than ``max_epochs`` times (beyond the rounding of 2 rows a stage), has no whole row, or a stage is empty
    or longer than 2**31 rows.
    """
    entries = tuple(
        PlanDomain(name=domain.name, rows=domain.tokens // row_tokens, fingerprint=domain.fingerprint)
        for domain in domains
    )
    stages, first = [], 0
    for number, stage in enumerate(mixture.stages):
        end_row = -(-stage.until_token // row_tokens)
        if not first < end_row <= first + UNIT:
            raise GristmillError(
                f"stage {number} would have {end_row - first:,} rows of {row_tokens} tokens, and a stage has 1 to "
                "2**31: move its end (until), or choose other target tokens or row_tokens."
            )
        order = StageOrder(signal=stage.order.signal, descending=stage.order.descending) if stage.order else None
        stages.append(PlanStage(end_row=end_row, weights=quantise(vector(stage.weights, domains)), order=order))
        first = end_row
    plan = Plan(
        mixture=mixture.digest, domains=entries, stages=tuple(stages), row_tokens=row_tokens, block=block, seed=seed
    )
    for entry in entries:
        rows = plan.realised()[entry.name].rows
        most = max_epochs[entry.name] if isinstance(max_epochs, Mapping) else max_epochs
        if rows > entry.rows * most + DEVIATION_ROWS * len(stages):
            raise GristmillError(
                f"the domain {entry.name!r} has {entry.rows} rows and the plan needs {rows}: {rows / entry.rows:.2f} "
                f"epochs, above the cap of {most}. Cap the mixture, lower the target tokens or raise the cap."
            )
    return plan
