"""The processes of one training run: alone, or several under ``torchrun`` with DistributedDataParallel.

All ranks read the same plan and take their share of the rows of every step, so the row of the plan stays the whole
state of the data, whatever the number of processes.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from gristmill.core.errors import GristmillError

TIMEOUT = timedelta(minutes=30)
"""How long ranks wait for the one that saves or measures."""
PR_SET_PDEATHSIG = 1  # prctl(2): Linux sends this signal when the parent dies


@dataclass(frozen=True)
class Ranks:
    """This process among the ``count`` of the run. Rank 0 is the only one that writes and prints."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the rank that writes."""
        return self.rank == 0

    def share(self, start: int, stop: int) -> tuple[int, int]:
        """The rows of this rank among ``start`` to ``stop``, whose number is a multiple of ``count``."""
        rows = (stop - start) // self.count
        return start + self.rank * rows, start + (self.rank + 1) * rows

    def mean(self, value: float) -> float:
        """The mean of a number over all ranks; every rank gets it."""
        if self.count == 1:
            return value
        held = torch.tensor(value, dtype=torch.float64, device=_device())
        distributed.all_reduce(held)
        return float(held) / self.count

    def agreed(self, asked: bool) -> bool:
        """Whether any rank was asked; all get the same answer."""
        return self.mean(float(asked)) > 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model whose gradients are averaged over all ranks; ``model`` itself when there is one."""
        if self.count == 1:
            return model
        return DistributedDataParallel(model, broadcast_buffers=False)


def unsynchronised(model: nn.Module, last: bool) -> AbstractContextManager[None]:
    """While gradients are added up without being sent: for all parts of a step but the last."""
    if isinstance(model, DistributedDataParallel) and not last:
        return model.no_sync()
    return nullcontext()


@contextmanager
def joined(processes: int, device: str) -> Iterator[Ranks]:
    """This process's place among ``processes``, as ``torchrun`` says it in the environment.

    Raises :class:`GristmillError` when it was started with another number of processes.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count != processes:
        raise GristmillError(
            f"this run has {processes} processes and was started with {count}. Start it with "
            f"`torchrun --nproc-per-node {processes} -m gristmill.tasks.train.trainer RUN_DIR`."
        )
    if device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    if count == 1:
        yield Ranks()
        return
    if sys.platform == "linux":  # torchrun gives each process a session of its own, so no signal to a group reaches it
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    distributed.init_process_group("nccl" if device == "cuda" else "gloo", timeout=TIMEOUT)
    try:
        yield Ranks(distributed.get_rank(), count)
    finally:
        distributed.destroy_process_group()


def _device() -> str:
    return "cuda" if distributed.get_backend() == "nccl" else "cpu"
