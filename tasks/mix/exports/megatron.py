"""Megatron-LM and NeMo: ``.bin`` and ``.idx``.

After ``megatron/core/datasets/indexed_dataset.py``. The index: ``MMIDIDX\\0\\0``, u64 version 1, u8 type (8 = u16,
4 = i32), u64 sequences, u64 documents + 1, then i32 lengths, i64 byte offsets and i64 document indices. One sequence a
document. There is no unsigned 32-bit type: u32 tokens are read as i32, equal below 2**31. Cost: 12 bytes a document.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gristmill.tasks.mix.exports.format import CHUNK, Blend, Ends, Facts, StreamWriter, lengths_of, link
from gristmill.tasks.mix.exports.rows import RowBlock
from gristmill.tasks.mix.token_store import Part

HEADER = b"MMIDIDX\x00\x00"
TYPES = {2: 8, 4: 4}
ARGUMENTS = "data_args.txt"


@dataclass(frozen=True)
class Megatron:
    """The format of Megatron's ``IndexedDataset``."""

    facts: Facts

    def part(self, part: Part, folder: Path, number: int) -> str:
        """See :class:`Format`."""
        stem = f"{number:05d}"
        link(part.path, folder / f"{stem}.bin")
        write_index(folder / f"{stem}.idx", part.ends, self.facts.dtype.itemsize)
        return stem

    def stream(self, rows: Iterable[RowBlock], folder: Path) -> None:
        """See :class:`Format`."""
        writer = StreamWriter(folder / "train.bin")
        write_index(folder / "train.idx", writer.write(rows), self.facts.dtype.itemsize)
        writer.close()

    def weights(self, blend: Blend, folder: Path) -> list[str]:
        """Weights and prefixes in one line, as ``--data-args-path`` reads; a domain's weight is split by tokens."""
        written = []
        for name, stage in blend.stage_files(ARGUMENTS):
            words = []
            for domain, pieces in blend.pieces.items():
                tokens = sum(piece.tokens for piece in pieces)
                if stage.weights[domain]:
                    words += [f"{stage.weights[domain] * p.tokens / tokens:.10f} {blend.place(p)}" for p in pieces]
            (folder / name).write_text(" ".join(words) + "\n", encoding="utf-8")
            written.append(name)
        return written

    def opening(self, mode: str) -> str:
        """See :class:`Format`."""
        length = f"--seq-length {self.facts.row_tokens - 1} --split 100,0,0"
        order = "Megatron shuffles documents and rows itself, so it does not keep the order of the plan."
        if mode == "stream":
            return f"--data-path DIR/train {length}. {order}"
        return f"--data-args-path DIR/{ARGUMENTS} {length}. {order} It repeats domains without a cap of its own."


def write_index(path: Path, ends: Ends, itemsize: int) -> None:
    """Write the index of a file of tokens whose documents end at ``ends``. Memory: a million documents."""
    count = len(ends)
    with path.open("wb") as file:
        file.write(HEADER + struct.pack("<QBQQ", 1, TYPES[itemsize], count, count + 1))
        for lengths in lengths_of(ends):
            file.write(lengths.astype("<i4").tobytes())
        last = 0
        for start in range(0, count, CHUNK):
            part = np.asarray(ends[start : start + CHUNK]).astype(np.int64)
            file.write((np.concatenate([[last], part[:-1]]) * itemsize).astype("<i8").tobytes())
            last = int(part[-1])
        for start in range(0, count + 1, CHUNK):
            file.write(np.arange(start, min(start + CHUNK, count + 1), dtype="<i8").tobytes())
