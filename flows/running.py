"""Run steps over shards as Prefect tasks inside a flow, and show how far they are."""

from collections.abc import Sequence

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset, Manifest, Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.core.steps.step import Step, StepResult
from gristmill.flows.engines.engine import C, Engine, Fan, Work
from gristmill.flows.engines.local import LocalEngine
from gristmill.flows.reporter import Meter, Reporter
from gristmill.schemas.tables import GateResults
from gristmill.tasks.gates.gate import GATES, raise_on_failure
from gristmill.tasks.gates.suites import GateConfig, load_suite

LOCAL = LocalEngine()


def run_step(
    step: Step[C],
    work: Sequence[Work[C]],
    lake: Lake,
    report: Reporter,
    *,
    what: str = "",
    unit: str = "shards",
    meter: Meter | None = None,
    engine: Engine = LOCAL,
) -> list[Manifest]:
    """Run ``step`` once for each entry of ``work`` on ``engine``. Manifests in the order of ``work``.

    ``what`` is shown and names the task runs where the step's own name is not enough. The display counts the
    units of the entries, called ``unit``; with ``meter`` the runs report how many are done.

    The first failure is raised after every run that had started has ended, so none is cut in the middle.
    """
    shown = what or step.name
    found: dict[int, StepResult] = {}
    cached = 0
    with report.track(shown, sum(entry.units for entry in work), unit) as advance:
        if meter is not None:
            meter.advance, meter.show = advance, report.show

        def finished(position: int, result: StepResult) -> None:
            nonlocal cached
            found[position] = result
            cached += result.cached
            told = meter is not None and not result.cached
            advance(0 if told else work[position].units, f"{cached} cached" if cached else "")

        engine.map(Fan(step, work, lake, shown), finished)
    return [found[position].manifest for position in range(len(work))]


def run_one(step: Step[C], work: Work[C], lake: Lake, report: Reporter, *, engine: Engine = LOCAL) -> Manifest:
    """Run a step that has one output, such as a global step."""
    return run_step(step, [work], lake, report, engine=engine)[0]


def run_gate(
    name: str, source: str, inputs: Inputs, lake: Lake, report: Reporter, *, engine: Engine = LOCAL
) -> Manifest:
    """Run a gate as a task and return its manifest; see :func:`stop_on_failure` for what a failure does."""
    config = GateConfig(suite=load_suite(name), source=source)
    return run_one(GATES[name], Work(source, inputs, source, config), lake, report, engine=engine)


def commit_gates(name: str, source: str, results: Sequence[Ref], lake: Lake) -> None:
    """Make gate results the current ones of ``name``, so that they are shown even when they stop the run."""
    tables = {GateResults.name: tuple(results)}
    lake.commit(Dataset(kind="gates", name=name, config={"source": source}, counts={}, tables=tables))


def stop_on_failure(gate: Manifest, lake: Lake) -> None:
    """Raises ``GateError`` when a critical expectation of the gate failed."""
    for ref in gate.outputs:
        raise_on_failure(lake.read(ref))
