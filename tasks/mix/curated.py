"""Curated text as the steps of mixing read it: in bounded memory, with held-out documents told apart.

A document is held out when a seeded hash of its identity falls below the share: the decision needs no other document,
never changes when data is added, and near-duplicates cannot cross because deduplication kept one of each cluster.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.core.files.parquet import read_batches
from gristmill.schemas.tables import Domains
from gristmill.tasks.mix.domains import domain_problem
from gristmill.tasks.mix.permutation import hash_unit

BATCH_ROWS = 2048
SPLIT_SALT = 0x5B1


class SplitConfig(Config):
    """Which documents are never trained on."""

    heldout_share: float = Field(0.03, ge=0, lt=1, description="expected share of the documents of every domain")


def batches(paths: list[Path], columns: list[str], assigned: Sequence[Path] = ()) -> Iterator[pa.Table]:
    """The rows of Parquet files in tables of at most ``BATCH_ROWS`` rows, in order; memory: one row group.

    ``assigned``: a file of the table ``domains`` for each of ``paths``, whose domains stand in for those of the
    curation. Raises :class:`GristmillError` where one is about other documents.
    """
    own = ["doc_id", *(name for name in columns if name != "doc_id")] if assigned else columns
    for number, path in enumerate(paths):
        domains = _Assigned(assigned[number]) if assigned else None
        for batch in read_batches(path, own, BATCH_ROWS):
            rows = pa.Table.from_batches([batch])
            if domains is not None:
                found = domains.of(rows["doc_id"])
                if "domain" in columns:
                    rows = rows.set_column(rows.column_names.index("domain"), "domain", found)
                rows = rows.select(columns)
            yield rows


class _Assigned:
    """The domains of one shard, taken a batch at a time: rows stand in the order of the curated shard."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ahead = read_batches(path, ["doc_id", "domain"], BATCH_ROWS)
        self.rows = Domains.schema.empty_table().select(["doc_id", "domain"])

    def of(self, doc_ids: pa.ChunkedArray) -> pa.ChunkedArray:
        """The domains of the next documents, which have to be ``doc_ids``."""
        parts, held = [self.rows], self.rows.num_rows
        while held < len(doc_ids) and (batch := next(self.ahead, None)) is not None:
            parts.append(pa.Table.from_batches([batch]).cast(self.rows.schema))
            held += batch.num_rows
        rows = pa.concat_tables(parts)
        taken, self.rows = rows.slice(0, len(doc_ids)), rows.slice(len(doc_ids))
        if not taken["doc_id"].equals(doc_ids.cast(pa.string())):
            raise GristmillError(f"{self.path}: these domains are of other documents. Run `gristmill mix` again.")
        return taken["domain"]


def check_domain(name: str) -> str:
    """A domain names files. Raises :class:`GristmillError` when it cannot."""
    if problem := domain_problem(name):
        raise GristmillError(problem)
    return name


def is_heldout(doc_ids: list[str], config: SplitConfig) -> NDArray[np.bool_]:
    """For each document, whether it is held out. Raises :class:`GristmillError` for what is not a doc_id."""
    return hash_unit(doc_ids, SPLIT_SALT) < config.heldout_share
