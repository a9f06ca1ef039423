"""The local engine: a Prefect task for every shard, in the threads of the flow's task runner."""

from dataclasses import dataclass
from typing import Any

from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.engines.engine import Fan, Finished
from tasks.step import Outcome


def threads(workers: int) -> TaskRunner[PrefectFuture[Any]]:
    """A task runner of that many threads: the work of a step is done by libraries that leave the interpreter lock."""
    runner: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=workers)
    return runner


@dataclass(frozen=True)
class LocalEngine:
    """Shards side by side on this machine; how many is the task runner's affair. I/O errors are retried."""

    def map(self, fan: Fan, finished: Finished) -> None:
        """See :class:`flows.engines.engine.Engine`. About 35 ms of processor time a shard go to Prefect."""
        futures: dict[PrefectFuture[Outcome], int] = {}
        task = fan.step.task
        for position, entry in enumerate(fan.work):
            named = task.with_options(task_run_name=f"{fan.shown} {entry.label}")
            futures[named.submit(fan.lake, entry.shard, entry.inputs, entry.config or fan.config)] = position
        failure: Exception | None = None
        for future in as_completed(list(futures)):
            try:
                outcome = future.result()
            except Exception as error:  # kept, so that the other shards finish their work before it is raised
                failure = failure or error
                continue
            finished(futures[future], outcome)
        if failure is not None:
            raise failure
