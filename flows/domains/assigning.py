"""The domains of a lake's curated documents: one run of the step ``domains`` a shard, cached.

Inside a flow the shards are Prefect tasks. The command ``domains show`` runs the same step without Prefect, as it is a
look that costs little and is cached by content: a mix by the same rules finds it done.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from gristmill.core.lake import Lake
from gristmill.core.manifest import Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.flows.engines.engine import Work
from gristmill.flows.reporter import Reporter
from gristmill.flows.upkeep.lock import shared
from gristmill.schemas.tables import Domains
from gristmill.tasks.domains.assign import AssignConfig, assign_domains

AT_ONCE = 2


def work_of(config: AssignConfig, curated: Sequence[Ref]) -> list[Work[AssignConfig]]:
    """A run for each curated file."""
    return [Work(ref.shard, Inputs(refs=(ref,)), ref.shard, config, units=max(1, ref.rows)) for ref in curated]


def assign(config: AssignConfig, curated: Sequence[Ref], lake: Lake, report: Reporter) -> list[Ref]:
    """The file of ``domains`` of each curated file, in their order. Nothing is shown when all are cached."""
    work = work_of(config, curated)
    if (cached := cached_domains(work, lake)) is not None:
        return cached
    refs = []
    with (
        shared(lake),
        report.track("domains", sum(each.units for each in work), "documents") as advance,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        runs = [pool.submit(assign_domains.run, lake, each.shard, each.inputs, config) for each in work]
        try:
            for each, run in zip(work, runs, strict=True):
                refs.append(run.result().manifest.output(Domains))
                advance(each.units)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return refs


def cached_domains(work: Sequence[Work[AssignConfig]], lake: Lake) -> list[Ref] | None:
    """The files that these runs would give, where all are in the lake."""
    found = [
        lake.manifest(assign_domains.name, each.shard, assign_domains.key(each.config, each.inputs)) for each in work
    ]
    known = [manifest.output(Domains) for manifest in found if manifest is not None]
    return known if len(known) == len(work) else None


def domains_in(refs: Sequence[Ref], lake: Lake) -> list[str]:
    """The domains that files of ``curated`` or ``domains`` hold, sorted."""
    return sorted({name for ref in refs for name in lake.read(ref, ["domain"])["domain"].unique().to_pylist()})


def unused_rules(config: AssignConfig, assigned: Sequence[Ref], lake: Lake) -> list[str]:
    """A line for each rule that took no document."""
    took = {
        name.partition(":")[0] for ref in assigned for name in lake.read(ref, ["rule"])["rule"].unique().to_pylist()
    }
    return [
        f"rule {number} ({rule.told()}) took no document"
        + ("" if rule.domain is None else f" for the domain {rule.domain}")
        for number, rule in enumerate(config.rules, start=1)
        if str(number) not in took
    ]
