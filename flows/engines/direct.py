"""The direct engine: steps run in threads of this process, without Prefect, and each run's cost is kept.

For previews, which are not flows and do not belong in Prefect.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from gristmill.core.steps.step import StepResult
from gristmill.flows.engines.engine import C, Fan, Finished, Work


@dataclass(frozen=True)
class Cost:
    """What one step cost: seconds of the clock for all its runs, and by shard each run's own seconds and the bytes it
    wrote. Several runs of one shard (ranges of a key) are distinguished by their number."""

    step: str
    seconds: float
    shards: dict[str, float]
    bytes: dict[str, int]


@dataclass
class DirectEngine:
    """``workers`` shards side by side. ``costs``: one entry for each step run so far, in order."""

    workers: int
    costs: list[Cost] = field(default_factory=list)

    def map(self, fan: Fan[C], finished: Finished) -> None:
        """See :class:`gristmill.flows.engines.engine.Engine`. Nothing is retried: a preview is cheap to repeat."""
        seconds: dict[str, float] = {}
        written: dict[str, int] = {}

        def run(position: int, entry: Work[C]) -> StepResult:
            name = entry.shard if entry.shard not in seconds else f"{entry.shard} {position}"
            seconds[name] = 0.0
            started = time.perf_counter()
            result = fan.step.run(fan.lake, entry.shard, entry.inputs, entry.config)
            seconds[name] = time.perf_counter() - started
            written[name] = sum(ref.bytes for ref in result.manifest.outputs)
            return result

        started = time.perf_counter()
        with ThreadPoolExecutor(self.workers) as pool:
            futures = [pool.submit(run, position, entry) for position, entry in enumerate(fan.work)]
        for position, future in enumerate(futures):
            finished(position, future.result())
        self.costs.append(Cost(fan.step.name, time.perf_counter() - started, seconds, written))
