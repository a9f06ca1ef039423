"""The local engine: a Prefect task for every shard, a few of them at once in threads of this process."""

from collections.abc import Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from gristmill.core.steps.step import StepResult
from gristmill.flows.engines.engine import C, Fan, Finished, Work

MOST_WORKERS = 256


def threads(most: int = MOST_WORKERS) -> TaskRunner[PrefectFuture[Any]]:
    """A task runner that starts a thread when none is idle: a step's work is done by libraries that release the
    interpreter lock.
    The engine limits how many shards run at once."""
    runner: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=most)
    return runner


@dataclass(frozen=True)
class LocalEngine:
    """``workers`` shards side by side on this machine. I/O errors are retried."""

    workers: int = 2

    def map(self, fan: Fan[C], finished: Finished) -> None:
        """See :class:`gristmill.flows.engines.engine.Engine`. About 35 ms of processor time a shard go to Prefect.

        A shard is handed to Prefect when one before it has ended, so a run of a million shards holds as many futures as
        there are workers, and starts no further shard after a failure.
        """
        task = fan.step.task
        ended: SimpleQueue[PrefectFuture[StepResult]] = SimpleQueue()
        running: dict[PrefectFuture[StepResult], int] = {}
        waiting: Iterator[tuple[int, Work[C]]] = iter(enumerate(fan.work))
        failure: Exception | None = None

        def start(count: int) -> None:
            for _, (position, entry) in zip(range(count), waiting, strict=False):
                named = task.with_options(task_run_name=f"{fan.shown} {entry.label}".rstrip())
                future = named.submit(fan.lake, entry.shard, entry.inputs, entry.config)
                running[future] = position
                future.add_done_callback(ended.put)

        start(self.workers)
        while running:
            future = ended.get()
            position = running.pop(future)
            try:
                result = future.result()
            except Exception as error:  # kept, so that the shards that run now finish their work before it is raised
                failure = failure or error
                continue
            if failure is None:
                start(1)
            finished(position, result)
        if failure is not None:
            raise failure
