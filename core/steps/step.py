"""The base of all steps: pure functions with a contract, run over shards as cached, resumable, atomic Prefect tasks.

Running a step means: derive the key of the output from step name, version, config and the digests of the inputs;
return the stored manifest if there is one; otherwise read, call, check against the declared schema, write atomically,
commit the manifest, and log the cost. :mod:`gristmill.core.steps.kinds` and :mod:`gristmill.core.steps.files` have the
kinds of steps, by what the function takes and returns.

Only this module and ``flows`` import Prefect, and this one only when a task is asked for: the import takes 1.3 s, which
workers, graders and benchmarks that run steps directly avoid.
"""

import errno
import inspect
import json
import resource
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

import pyarrow as pa

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.core.files.os_errors import translate_os_errors
from gristmill.core.lake import Lake
from gristmill.core.manifest import FilesRef, Manifest, Ref, output_key
from gristmill.core.steps.inputs import Group, Inputs
from gristmill.core.table import Table

if TYPE_CHECKING:
    from prefect import Task
    from prefect.client.schemas.objects import State, TaskRun

RETRIES = 2
RETRY_SECONDS = 2.0
C = TypeVar("C", bound=Config)


class StepContext:
    """Base class of what a step uses that is not part of its identity: models, stores, meters, progress displays.

    A function builds a step that needs one (``respond_step(context)``). A config, which is part of the key of the
    output, cannot contain one.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> NoReturn:
        raise TypeError(f"{cls.__name__} is not part of what a step's output depends on, so no config can hold it")


@dataclass(frozen=True)
class StepResult:
    """The result of running a step: the manifest, and whether it was cached."""

    manifest: Manifest
    cached: bool


@dataclass(frozen=True)
class Run(Generic[C]):
    """One run of a step whose output is not in the lake yet."""

    lake: Lake
    shard: str
    key: str
    inputs: Inputs
    config: C


@dataclass(frozen=True)
class Output:
    """What a run wrote to the lake before its manifest makes it visible."""

    tables: tuple[Ref, ...] = ()
    files: tuple[FilesRef, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step(ABC, Generic[C]):
    """A function with its contract. Call ``.function`` in unit tests, ``.run`` without Prefect, ``.task`` in flows.

    ``takes``: the tables the function takes, one argument each; a group of tables is one argument, a mapping by table
    name. ``writes``: the tables it returns. Subclasses say how the function is called.
    """

    name: str
    version: int
    takes: tuple[Table | Group, ...]
    writes: tuple[Table, ...]
    function: Callable[..., object]

    @property
    def reads(self) -> tuple[Table, ...]:
        """Every table the step reads, including those in groups."""
        return tuple(table for entry in self.takes for table in ((entry,) if isinstance(entry, Table) else entry))

    @property
    def address(self) -> tuple[str, str]:
        """The module of the function and its name there."""
        return self.function.__module__, self.function.__name__

    def run(self, lake: Lake, shard: str, inputs: Inputs, config: C) -> StepResult:
        """Return the output for these inputs, computing it only if the lake does not have it yet."""
        key = self.key(config, inputs)
        known = lake.manifest(self.name, shard, key)
        if known is not None:
            return StepResult(known, cached=True)
        clock, processor = time.perf_counter(), time.process_time()
        output = self.call(Run(lake, shard, key, inputs, config))
        manifest = Manifest(
            step=self.name,
            version=self.version,
            shard=shard,
            key=key,
            config=config.model_dump(mode="json"),
            inputs=inputs.entries(),
            rows_in=inputs.rows(),
            outputs=output.tables,
            files=output.files,
            facts=dict(output.facts),
        )
        lake.write_manifest(manifest)
        self._log(lake, manifest, time.perf_counter() - clock, time.process_time() - processor)
        return StepResult(manifest, cached=False)

    def key(self, config: C, inputs: Inputs) -> str:
        """The name of the output: a digest of step name, version, config and inputs."""
        return output_key(self.name, self.version, config.model_dump(mode="json"), inputs.entries())

    @abstractmethod
    def call(self, run: Run[C]) -> Output:
        """Check and read the inputs, call the function, and write its result."""

    def write(self, run: Run[C], shard: str, key: str, result: pa.Table | tuple[pa.Table, ...]) -> tuple[Ref, ...]:
        """Write the returned tables for ``shard``. Raises :class:`GristmillError` if one is missing."""
        produced = result if isinstance(result, tuple) else (result,)
        if len(produced) != len(self.writes):
            raise GristmillError(f"step {self.name} returned {len(produced)} tables and declares {len(self.writes)}")
        return tuple(
            run.lake.write_table(table, shard, key, rows) for table, rows in zip(self.writes, produced, strict=True)
        )

    def _log(self, lake: Lake, manifest: Manifest, seconds: float, processor: float) -> None:
        """Log the cost, apart from the data: wall and processor seconds, and the peak memory of the process."""
        cost = {
            "step": self.name,
            "shard": manifest.shard,
            "key": manifest.key,
            "seconds": round(seconds, 3),
            "cpu_seconds": round(processor, 3),
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "rows_in": sum(manifest.rows_in.values()),
            "rows_out": sum(ref.rows for ref in manifest.outputs),
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with translate_os_errors(lake.root):
            path = lake.log_path("costs", self.name, f"{manifest.shard}-{manifest.key}.json")
            path.write_text(json.dumps(cost), encoding="utf-8")

    @property
    def task(self) -> "Task[[Lake, str, Inputs, C], StepResult]":
        """This step as a Prefect task, its runs named after step and shard; I/O errors are retried."""
        from prefect import Task
        from prefect.cache_policies import NO_CACHE

        return Task(
            fn=self.run,
            name=self.name,
            description=self.function.__doc__,
            task_run_name=f"{self.name} {{shard}}",
            retries=RETRIES,
            retry_delay_seconds=RETRY_SECONDS,
            retry_condition_fn=retry_io_errors,
            cache_policy=NO_CACHE,
            persist_result=False,
        )


def require_arguments(step: Step[Any], count: int) -> None:
    """Raises ``TypeError`` if the function of ``step`` cannot be called with ``count`` arguments."""
    try:
        inspect.signature(step.function).bind(*[None] * count)
    except TypeError as error:
        raise TypeError(f"step {step.name} calls its function with {count} arguments: {error}") from error


def retry_io_errors(task: "Task[..., Any]", run: "TaskRun", state: "State[Any]") -> bool:
    """Retry what may pass by itself: I/O errors, but not a full disk, a wrong path or faulty data."""
    try:
        state.result()
    except OSError as error:
        return may_pass(error)
    except Exception:  # anything else would only fail again
        return False
    return False


def may_pass(error: OSError) -> bool:
    """Whether an I/O error may be gone at the next attempt: false for a full disk and for a wrong or forbidden path."""
    lasting = (errno.ENOSPC, errno.EDQUOT, errno.ENOENT, errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EISDIR)
    return error.errno not in lasting
