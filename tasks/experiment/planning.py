"""The plan of an arm for one seed: the plan over all parts that the seed's runs share, with other rows in some places.

Two runs of one seed read the same row at the same place wherever both hold it, so what differs between them is the data
that the arm changes and nothing else (common random numbers). Cost: O(parts); rows are in closed form.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.digests import digest_json
from gristmill.core.errors import UsageError
from gristmill.core.steps.files import Written, files_step
from gristmill.tasks.experiment.arms import Arm, DataPart, common_shares, parts_of, shares_of
from gristmill.tasks.mix.apportion import UNIT, quantise
from gristmill.tasks.mix.domains import Domain, Vector
from gristmill.tasks.mix.orders.replacement import Replacement
from gristmill.tasks.mix.plan import FILE, Plan, PlanDomain, PlanStage
from gristmill.tasks.mix.token_store import TokenStore

BLOCK_ROWS = 1024


class ArmPlanConfig(Config):
    """What the plan of an arm depends on, beside the tokens. ``bit``: its place among the choices of documents."""

    name: str
    bit: int = Field(ge=0)
    arm: Arm
    weights: dict[str, float] | None = None
    row_tokens: int
    target_tokens: int
    max_epochs: float
    seed: int
    block_rows: int = BLOCK_ROWS


@files_step("arm_plan", version=1, folders=True, files="plan")
def arm_plan(folders: list[Path], config: ArmPlanConfig, out: Path) -> Written:
    """Write ``plan.json``. Facts: rows of each domain, and how many rows of the run the arm reads in others' places."""
    domains = TokenStore.open(folders).domains(config.row_tokens)
    plan = plan_arm(config, domains)
    plan.write(out / FILE)
    rows = {name: told.rows for name, told in plan.realised().items()}
    replaced = int(plan.gaps.starts[-1]) if plan.gaps is not None else 0
    return Written({"digest": plan.digest, "rows": rows, "replaced": replaced})


def plan_arm(config: ArmPlanConfig, domains: Sequence[Domain]) -> Plan:
    """The plan. Raises :class:`UsageError` when a part would be read more than ``max_epochs`` times."""
    parts = parts_of(domains)
    common = common_shares(parts, config.weights)
    wanted = shares_of(config.bit, config.name, config.arm, parts, config.weights)
    entries = tuple(
        PlanDomain(name=each.name, rows=each.tokens // config.row_tokens, fingerprint=each.fingerprint)
        for each in domains
    )
    rows = -(-config.target_tokens // config.row_tokens)
    if not 0 < rows <= UNIT:
        raise UsageError(f"{config.target_tokens:,} tokens in rows of {config.row_tokens} are not 1 to 2**31 rows")
    plan = Plan(
        mixture=digest_json(config.model_dump(mode="json", exclude={"seed"})),
        domains=entries,
        stages=(PlanStage(end_row=rows, weights=quantise(common)),),
        row_tokens=config.row_tokens,
        block=config.block_rows,
        seed=config.seed,
        replacement=replacement(common, wanted),
    )
    _check_epochs(plan, parts, config)
    return plan


def replacement(common: Vector, wanted: Vector) -> Replacement | None:
    """What turns shares ``common`` into ``wanted``, both of sum 1; None where they are the same."""
    removed = np.clip(1 - wanted / np.where(common > 0, common, 1.0), 0, 1)
    gains = np.clip(wanted - common, 0, None)
    units = np.round(removed * UNIT).astype(np.int64)
    units[gains > 0] = 0
    if not units.any() or not gains.sum() > 0:
        return None
    return Replacement(removed=tuple(units.tolist()), fills=quantise(gains / gains.sum()))


def _check_epochs(plan: Plan, parts: Sequence[DataPart], config: ArmPlanConfig) -> None:
    realised = plan.realised()
    by_domain: dict[str, list[int]] = {}
    for part, entry in zip(parts, plan.domains, strict=True):
        read, holds = by_domain.setdefault(part.domain, [0, 0]), entry.rows if part.held_by(config.bit) else 0
        read[0] += realised[entry.name].rows
        read[1] += holds
    for domain, (read_rows, held_rows) in by_domain.items():
        if read_rows > held_rows * config.max_epochs + 2:
            times = f"{read_rows / held_rows:.1f} times" if held_rows else "though it has no row"
            raise UsageError(
                f"arm {config.name} would read the domain {domain} {times}, and max_epochs is {config.max_epochs:g}. "
                "Lower target_tokens, weigh the domain less, or raise max_epochs."
            )
