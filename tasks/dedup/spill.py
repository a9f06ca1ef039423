"""Rows sorted into partitions on disk: how a join larger than memory becomes many that are not.

Rows of one NumPy type are added in any order with the number of the partition each belongs to; then each partition is
read by itself. Rows wait in memory until ``limit`` bytes have come together, so a small job touches no disk.

Cost: one write and one read of what does not fit. Memory: ``limit`` bytes, then one partition.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[Any]


class Spill:
    """Rows of ``dtype`` in ``partitions`` partitions, files under ``folder``, at most ``limit`` bytes in memory."""

    def __init__(self, folder: Path, dtype: npt.DTypeLike, partitions: int, limit: int) -> None:
        self.folder = folder
        self.dtype = np.dtype(dtype)
        self.partitions = partitions
        self.limit = limit
        self._waiting: list[tuple[Rows, npt.NDArray[np.int32]]] = []
        self._bytes = 0
        folder.mkdir(parents=True)

    def add(self, rows: Rows, partition: npt.NDArray[np.integer[Any]] | int) -> None:
        """Add ``rows``; ``partition`` is the number of each one's partition, or of all."""
        places = np.broadcast_to(np.asarray(partition, np.int32), (len(rows),))
        order = np.argsort(places, kind="stable") if not isinstance(partition, int) else slice(None)
        self._waiting.append((rows[order], places[order]))
        self._bytes += rows.nbytes + 4 * len(rows)
        if self._bytes > self.limit:
            self._flush()

    def read(self, partition: int) -> Rows:
        """The rows of a partition, in the order of their coming."""
        path = self._path(partition)
        written = np.fromfile(path, self.dtype) if path.exists() else np.zeros(0, self.dtype)
        return np.concatenate([written, *(self._of(partition, *entry) for entry in self._waiting)])

    def _of(self, partition: int, rows: Rows, places: npt.NDArray[np.int32]) -> Rows:
        first, last = np.searchsorted(places, [partition, partition + 1])
        return rows[first:last]

    def _flush(self) -> None:
        numbers = np.arange(self.partitions + 1)
        bounds = [np.searchsorted(places, numbers) for _, places in self._waiting]
        for partition in np.flatnonzero(sum(np.diff(found) for found in bounds)):
            with self._path(int(partition)).open("ab") as file:
                for (rows, _), found in zip(self._waiting, bounds, strict=True):
                    rows[found[partition] : found[partition + 1]].tofile(file)
        self._waiting.clear()
        self._bytes = 0

    def _path(self, partition: int) -> Path:
        return self.folder / str(partition)


def mapped(path: Path, size: int, dtype: npt.DTypeLike) -> Rows:
    """A zeroed array of ``size`` in a file, which the kernel can drop from memory when it needs the room."""
    if not size:
        return np.zeros(0, dtype)
    return np.memmap(path, dtype, mode="w+", shape=(size,)).view(np.ndarray)
