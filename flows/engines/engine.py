"""The port: an engine runs one step over many shards and reports each result. Group by key maps over key ranges.

Whatever the engine, a run of a step reads from the lake, writes to the lake and commits one manifest, so the bytes are
the same, an interrupted run is repeated, and a finished one is cached.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from gristmill.core.config import Config
from gristmill.core.lake import Lake
from gristmill.core.steps.inputs import Inputs
from gristmill.core.steps.step import Step, StepResult

C = TypeVar("C", bound=Config)


@dataclass(frozen=True)
class Work(Generic[C]):
    """One run of a step: the shard, what it reads, the label people see, and the settings of this run.

    ``units``: how much of what the display counts it is.
    """

    shard: str
    inputs: Inputs
    label: str
    config: C
    units: int = 1


@dataclass(frozen=True)
class Fan(Generic[C]):
    """A step to be run once for each entry of ``work``. ``shown``: the name people see."""

    step: Step[C]
    work: Sequence[Work[C]]
    lake: Lake
    shown: str


Finished = Callable[[int, StepResult], None]


class Engine(Protocol):
    """Runs a :class:`Fan` inside a flow."""

    def map(self, fan: Fan[C], finished: Finished) -> None:
        """Run every entry; call ``finished(position, result)`` in this thread for each that ends well, in any order.

        The first failure is raised after every run that had started has ended, so that none is cut in the middle.
        """
