"""The orders of a plan's sorted stages, stored beside it.

A sorted stage reads the rows that it would read shuffled, in another order: in each epoch of each domain its rows come
by a signal, and rows of equal value in the order of the shuffle. So an order is a permutation of the ordinals that a
domain has in the stage, and it moves none from one epoch to another.

``plan.order`` is two arrays of little-endian u32, one after the other, each with a number for each row of the sorted
stages, by stage, domain and place: first which ordinal is read at a place, then at which place an ordinal is read (for
lineage). Cost: 8 bytes a row of a sorted stage on disk; mapped, not loaded.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gristmill.core.config import Config
from gristmill.core.digests import digest_bytes, digest_digests
from gristmill.core.errors import GristmillError

FILE = "plan.order"
KIND = np.dtype("<u4")

Ordinals = NDArray[np.uint32]


class StageOrder(Config):
    """A stage whose rows come by a signal, smallest value first unless ``descending``; rows without a value come last.

    ``digest`` is that of the stage's part of the stored order; empty until there is one.
    """

    signal: str
    descending: bool = False
    digest: str = ""


@dataclass(frozen=True)
class Orders:
    """The orders of all sorted stages, arrays of shape (rows of sorted stages,), by stage, domain and place.

    ``read`` has the ordinal that is read at a place; ``places`` is its inverse. Both count from the first row that the
    domain has in the stage.
    """

    read: Ordinals
    places: Ordinals

    def digest(self, start: int, stop: int) -> str:
        """Digest of the part of a stage."""
        parts = (np.ascontiguousarray(each[start:stop], dtype=KIND) for each in (self.read, self.places))
        return digest_digests(digest_bytes(part.tobytes()) for part in parts)

    def write(self, path: Path) -> None:
        """Write the file."""
        with path.open("wb") as file:
            for each in (self.read, self.places):
                np.ascontiguousarray(each, dtype=KIND).tofile(file)

    @classmethod
    def open(cls, path: Path, rows: int) -> "Orders":
        """Map the file. Raises :class:`GristmillError` when it is missing or does not have ``rows`` rows."""
        size = 2 * rows * KIND.itemsize
        if not path.is_file() or path.stat().st_size != size:
            raise GristmillError(f"{path} is missing or cut off: it should have {size} bytes. Run the mix flow again.")
        both = np.memmap(path, dtype=KIND, mode="r").reshape(2, rows)
        return cls(both[0], both[1])
