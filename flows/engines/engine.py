"""The port: an engine runs one step over many shards and tells each end. Group by key is a map over ranges of the key.

Whatever the engine, a run of a step reads from the lake, writes to the lake and commits one manifest, so the bytes are
the same, a run that was cut off is done again, and one that is done is found.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gristmill.core.config import Config
from gristmill.core.lake import Lake
from gristmill.core.step import Inputs, Outcome, Step


@dataclass(frozen=True)
class Work:
    """One run of a step: the shard, what it reads, and what people call the shard.

    ``config`` is given where runs of one step differ in it, such as in the range of a key that each takes.
    """

    shard: str
    inputs: Inputs
    label: str
    config: Config | None = None


@dataclass(frozen=True)
class Fan:
    """A step to be run once for each entry of ``work``. ``shown``: what people call the step."""

    step: Step
    work: Sequence[Work]
    config: Config
    lake: Lake
    shown: str


Finished = Callable[[int, Outcome], None]


class Engine(Protocol):
    """Runs a :class:`Fan` inside a flow."""

    def map(self, fan: Fan, finished: Finished) -> None:
        """Run every entry; call ``finished(position, outcome)`` in this thread for each that ends well, in any order.

        The first failure is raised after every run that had started has ended, so that none is cut in the middle.
        """
