"""Curated text as the steps of mixing read it: in bounded memory, with held-out documents told apart.

A document is held out when a seeded hash of its identity falls below the share: the decision needs no other document,
never changes when data is added, and near-duplicates cannot cross because deduplication kept one of each cluster.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.core.files.parquet import read_batches
from gristmill.core.files.places import FILE_NAME_BYTES, NAME
from gristmill.tasks.mix.permutation import hash_unit

BATCH_ROWS = 2048
SPLIT_SALT = 0x5B1


class SplitConfig(Config):
    """Which documents are never trained on."""

    heldout_share: float = Field(0.03, ge=0, lt=1, description="expected share of the documents of every domain")


def batches(paths: list[Path], columns: list[str]) -> Iterator[pa.Table]:
    """The rows of Parquet files in tables of at most ``BATCH_ROWS`` rows, in order; memory: one row group."""
    for path in paths:
        for batch in read_batches(path, columns, BATCH_ROWS):
            yield pa.Table.from_batches([batch])


def check_domain(name: str) -> str:
    """A domain names files. Raises :class:`GristmillError` when it cannot."""
    if not NAME.fullmatch(name) or len(name.encode()) > FILE_NAME_BYTES:
        raise GristmillError(
            f"the domain {name!r} cannot name a file. Use letters, digits and the characters . _ @ = + - in the "
            f"policy, at most {FILE_NAME_BYTES} bytes."
        )
    return name


def is_heldout(doc_ids: list[str], config: SplitConfig) -> NDArray[np.bool_]:
    """For each document, whether it is held out. Raises :class:`GristmillError` for what is no doc_id."""
    return hash_unit(doc_ids, SPLIT_SALT) < config.heldout_share
