"""Parquet with ``input_ids``: what TRL, torchtitan's Grain sources and ``datasets`` read.

A blend has a row for each document (``doc_id``, ``input_ids``); a stream a row for each row of the run (``input_ids``,
``seq_lengths``: the lengths of the pieces of documents in it, and ``domain``). Where ``seq_lengths`` sum to less than
the row, the rest is padding. Cost: a compressed copy, int32 lists with zstd; memory some million tokens.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gristmill.tasks.mix.exports.format import Blend, Facts, documents_of
from gristmill.tasks.mix.exports.rows import RowBlock
from gristmill.tasks.mix.token_store import Part

TOKENS = pa.list_(pa.int32())
DOCUMENTS = pa.schema({"doc_id": pa.string(), "input_ids": TOKENS})
ROWS = pa.schema({"input_ids": TOKENS, "seq_lengths": TOKENS, "domain": pa.string()})


@dataclass(frozen=True)
class ParquetTokens:
    """Tokens as lists in Parquet."""

    facts: Facts

    def part(self, part: Part, folder: Path, number: int) -> str:
        """See :class:`Format`."""
        name = f"{number:05d}.parquet"
        with pq.ParquetWriter(folder / name, DOCUMENTS, compression="zstd") as writer:
            for doc_ids, ends, tokens in documents_of(part):
                writer.write_table(pa.table([pa.array(doc_ids), lists(tokens, ends)], schema=DOCUMENTS))
        return name

    def stream(self, rows: Iterable[RowBlock], folder: Path) -> None:
        """See :class:`Format`."""
        with pq.ParquetWriter(folder / "train.parquet", ROWS, compression="zstd") as writer:
            for block in rows:
                count, size = block.tokens.shape
                pieces = [length for row in block.lengths for length in row]
                columns = [
                    lists(block.tokens.reshape(-1), np.arange(1, count + 1) * size),
                    lists(np.array(pieces), np.cumsum([len(row) for row in block.lengths])),
                    pa.array(block.domains),
                ]
                writer.write_table(pa.table(columns, schema=ROWS))

    def weights(self, blend: Blend, folder: Path) -> list[str]:
        """None: DIR/weights.json has them by tokens and by documents."""
        return []

    def opening(self, mode: str) -> str:
        """See :class:`Format`."""
        if mode == "stream":
            return (
                "load_dataset('parquet', data_files='DIR/train.parquet', split='train'), unshuffled, gives the rows in "
                "the order of the plan; TRL takes input_ids and seq_lengths as they are, and Grain reads the file by "
                "ParquetIterDataset."
            )
        return (
            "load_dataset('parquet', data_dir='DIR/DOMAIN'), one for each domain; interleave_datasets weighs "
            "documents, so give it the example_weight of DIR/weights.json, not the weight."
        )


def lists(values: NDArray[Any], ends: NDArray[np.int64]) -> pa.ListArray:
    """Values cut at ``ends`` into lists of int32."""
    offsets = pa.array(np.concatenate([[0], ends]), pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.array(values.astype(np.int32)))
