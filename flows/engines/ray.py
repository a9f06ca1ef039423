"""The Ray engine: one coarse Prefect task for each step, which fans its shards out over the nodes of a Ray cluster.

Prefect's own Ray runner costs 250 ms a task, Ray itself 1 ms, so Prefect sees the step and Ray the shards. Every node
needs this package, the lake under the same path, and inputs that it can reach (a shared folder, or addresses). A node
that dies costs the shards it was working on: Ray gives them to another node, and what they had committed is cached.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import Task
from prefect.cache_policies import NO_CACHE

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.lake import Lake
from gristmill.core.steps.inputs import Inputs
from gristmill.core.steps.step import RETRIES, Step, StepResult, may_pass
from gristmill.flows.engines.engine import C, Fan, Finished

LOST_NODE_RETRIES = 10  # how many times a shard may be lost with a node before the run fails
HINT = "Install it on every node: pip install 'gristmill[ray]'."


@contextmanager
def connected(address: str, workers: int) -> Iterator["RayEngine"]:
    """An engine on the cluster at ``address`` (``host:port``, or ``auto`` for the one this machine belongs to).

    ``local`` starts a Ray of this machine with ``workers`` processes and stops it at the end. Raises
    :class:`UsageError` when Ray is not installed, :class:`GristmillError` when nothing answers there.
    """
    try:
        import ray
    except ImportError as error:
        raise UsageError(f"the engine ray needs Ray. {HINT}") from error
    where: dict[str, Any] = {"num_cpus": workers} if address == "local" else {"address": address}
    # Ray reports the loss of a node on standard output, which is for results: at once, or at shutdown.
    with redirect_stdout(sys.stderr):
        try:
            ray.init(**where, log_to_driver=False, configure_logging=False, include_dashboard=False)
        except (ConnectionError, ValueError) as error:
            raise GristmillError(
                f"no Ray cluster answers at {address}: {error}. Start one (`ray start --head` on one machine, `ray "
                "start --address HOST:6379` on the others), or give `--ray-address local`."
            ) from error
        try:
            yield RayEngine()
        finally:
            ray.shutdown()


@dataclass(frozen=True)
class RayEngine:
    """Shards side by side on the nodes of a cluster, one processor each. Get one from :func:`connected`."""

    def map(self, fan: Fan[C], finished: Finished) -> None:
        """See :class:`gristmill.flows.engines.engine.Engine`."""

        def all_shards() -> None:
            fan_out(fan, finished)

        named = f"{fan.shown}, {len(fan.work)} shards on Ray"
        Task(fn=all_shards, name=fan.step.name, task_run_name=named, cache_policy=NO_CACHE, persist_result=False)()


def fan_out(fan: Fan[C], finished: Finished) -> None:
    """Submit every shard and report each result. I/O errors are retried, as on one machine."""
    import ray

    module, name = address_of(fan.step)
    remote = ray.remote(num_cpus=1, max_retries=LOST_NODE_RETRIES, retry_exceptions=False)(run_shard)
    root = str(fan.lake.root)
    pending = {
        remote.remote(module, name, root, entry.shard, entry.inputs, entry.config): position
        for position, entry in enumerate(fan.work)
    }
    failure: BaseException | None = None
    while pending:
        ready, _ = ray.wait(list(pending), num_returns=1)
        for reference in ready:
            position = pending.pop(reference)
            try:
                finished(position, ray.get(reference))
            except ray.exceptions.RayTaskError as error:
                failure = failure or error.cause
            except ray.exceptions.RayError as error:
                failure = failure or GristmillError(
                    f"Ray lost {fan.work[position].label} {LOST_NODE_RETRIES} times: {error}. What is finished is "
                    "kept; check the nodes (`ray status`) and run the same command again."
                )
    if failure is not None:
        raise failure


def run_shard(module: str, name: str, root: str, shard: str, inputs: Inputs, config: Config) -> StepResult:
    """On a node: run the step of that name on one shard of the lake at ``root``."""
    step: Step[Any] = getattr(importlib.import_module(module), name)
    lake = Lake.open(Path(root))
    for left in reversed(range(RETRIES + 1)):
        try:
            return step.run(lake, shard, inputs, config)
        except OSError as error:
            if not left or not may_pass(error):
                raise
    raise AssertionError("the last attempt returns or raises")


def address_of(step: Step[Any]) -> tuple[str, str]:
    """The step's module and its name there, by which a node finds it. Raises ``ValueError`` for one built at run
    time."""
    module, name = step.address
    if getattr(importlib.import_module(module), name, None) is not step:
        raise ValueError(f"step {step.name} is not {module}.{name}, so another machine could not find it")
    return module, name
