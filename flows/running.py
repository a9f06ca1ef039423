"""Run steps over shards as Prefect tasks inside a flow, and show how far they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.reporter import Reporter
from schemas.config import Config
from schemas.lake import Dataset, Lake, Manifest, Ref
from schemas.tables import GateResults
from tasks.gate import GATES, GateConfig, load_suite, raise_on_failure
from tasks.step import Inputs, Outcome, Step


def threads(workers: int) -> TaskRunner[PrefectFuture[Any]]:
    """A task runner of that many threads: the work of a step is done by libraries that leave the interpreter lock."""
    runner: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=workers)
    return runner


@dataclass(frozen=True)
class Work:
    """One run of a step: the shard, what it reads, and what people call the shard."""

    shard: str
    inputs: Inputs
    label: str


def run_step(
    step: Step,
    work: Sequence[Work],
    config: Config,
    lake: Lake,
    report: Reporter,
    *,
    what: str = "",
    unit: str = "shards",
) -> list[Manifest]:
    """Run ``step`` once for each entry of ``work`` in the flow's task runner. Manifests in the order of ``work``.

    ``what`` is shown and names the task runs where the step's own name says too little.

    The first failure is raised after every run that had started has ended, so none is cut in the middle.
    """
    shown = what or step.name
    with report.track(shown, len(work), unit) as advance:
        futures: dict[PrefectFuture[Outcome], int] = {}
        task = step.task
        for position, entry in enumerate(work):
            named = task.with_options(task_run_name=f"{shown} {entry.label}")
            futures[named.submit(lake, entry.shard, entry.inputs, config)] = position
        found: dict[int, Outcome] = {}
        cached = 0
        failure: Exception | None = None
        for future in as_completed(list(futures)):
            try:
                outcome = future.result()
            except Exception as error:  # kept, so that the other shards finish their work before it is raised
                failure = failure or error
                continue
            found[futures[future]] = outcome
            cached += outcome.cached
            advance(1, f"{cached} found done" if cached else "")
        if failure is not None:
            raise failure
    return [found[position].manifest for position in range(len(work))]


def run_one(step: Step, work: Work, config: Config, lake: Lake, report: Reporter) -> Manifest:
    """Run a step that has one output, such as a global step."""
    return run_step(step, [work], config, lake, report)[0]


def run_gate(name: str, source: str, inputs: Inputs, lake: Lake, report: Reporter) -> Manifest:
    """Run a gate as a task and return its manifest; see :func:`stop_on_failure` for what a failure does."""
    config = GateConfig(suite=load_suite(name), source=source)
    return run_one(GATES[name], Work(source, inputs, source), config, lake, report)


def commit_gates(name: str, source: str, results: Sequence[Ref], lake: Lake) -> None:
    """Make gate results the current ones of ``name``, so that they are shown even when they stop the run."""
    tables = {GateResults.name: tuple(results)}
    lake.commit(Dataset(kind="gates", name=name, config={"source": source}, counts={}, tables=tables))


def stop_on_failure(gate: Manifest, lake: Lake) -> None:
    """Raises ``GateError`` when a critical expectation of the gate failed."""
    for ref in gate.outputs:
        raise_on_failure(lake.read(ref))
