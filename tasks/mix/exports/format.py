"""What a format of exports is: how a part of a domain, a stream of rows and the weights are written.

Flat formats share the token file itself: a blend links it (a copy where the disk cannot link), and only the index
beside it is written.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gristmill.tasks.mix.exports.rows import RowBlock
from gristmill.tasks.mix.exports.shares import StageShares
from gristmill.tasks.mix.token_store import Part

Ends = NDArray[np.uint64]
CHUNK = 1 << 20
BATCH_TOKENS = 1 << 22


def tokenizer_name(digest: str) -> str:
    """What files of other tools call the tokenizer with this digest: nanotron compares it with its own settings."""
    return f"gristmill-{digest[:16]}"


@dataclass(frozen=True)
class Facts:
    """What every format may write down about the tokens."""

    dtype: np.dtype[Any]
    eos_id: int
    vocab_size: int
    row_tokens: int
    tokenizer: str


@dataclass(frozen=True)
class Piece:
    """What a weight file names of a domain: a path below the export, and the tokens and examples it holds."""

    path: str
    tokens: int
    examples: int


@dataclass(frozen=True)
class Blend:
    """The pieces of each domain, the weights of each stage, the caps, and what paths in weight files begin with."""

    pieces: Mapping[str, Sequence[Piece]]
    stages: Sequence[StageShares]
    caps: Mapping[str, float]
    prefix: str

    def stage_files(self, name: str) -> Iterator[tuple[str, StageShares]]:
        """A file for each stage: ``name`` with one stage, else with the stage's number before its suffix."""
        stem, dot, suffix = name.partition(".")
        for stage in self.stages:
            yield (name if len(self.stages) == 1 else f"{stem}.stage-{stage.number}{dot}{suffix}"), stage

    def place(self, piece: Piece) -> str:
        """The path of a piece as a trainer finds it."""
        return f"{self.prefix}/{piece.path}"


class Format(Protocol):
    """One format. Paths are below the folder of the export."""

    def part(self, part: Part, folder: Path, number: int) -> str:
        """Write part ``number`` of a domain to its folder; what a weight file calls it there."""

    def stream(self, rows: Iterable[RowBlock], folder: Path) -> None:
        """Write rows in their order."""

    def weights(self, blend: Blend, folder: Path) -> list[str]:
        """Write the trainer's own weight files, if it has any; their names."""

    def opening(self, mode: str) -> str:
        """How a trainer opens the export: code or options, and what it makes of the order."""


def general_weights(blend: Blend) -> dict[str, Any]:
    """``weights.json``: for each stage the weights of domains by tokens, and by examples for what draws documents."""
    stages = []
    for stage in blend.stages:
        pieces = blend.pieces.items()
        rates = {
            name: stage.weights[name] * sum(p.examples for p in each) / sum(p.tokens for p in each)
            for name, each in pieces
        }
        total = sum(rates.values())
        weights = {
            name: {"weight": stage.weights[name], "example_weight": rates[name] / total} for name in blend.pieces
        }
        stages.append({"until_token": stage.until_token, "domains": weights})
    paths = {name: [blend.place(piece) for piece in each] for name, each in blend.pieces.items()}
    return {"unit": "tokens", "stages": stages, "paths": paths}


def link(file: Path, target: Path) -> bool:
    """Give ``file`` a second name; False when the disk cannot and it was copied."""
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)
        return False
    return True


class StreamWriter:
    """A flat file of rows and, in 8 bytes for each piece of a document, where the pieces end. Memory: one block."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._spool = file.with_name(file.name + ".ends")

    def write(self, rows: Iterable[RowBlock]) -> Ends:
        """Write the rows; the ends of the pieces, in tokens from the start of the file, as a map of a file that
        :meth:`close` removes."""
        done = 0
        with self.file.open("wb") as tokens, self._spool.open("wb") as spool:
            for block in rows:
                tokens.write(block.tokens.tobytes())
                ends = done + np.cumsum([length for row in block.lengths for length in row], dtype=np.uint64)
                spool.write(ends.astype("<u8").tobytes())
                done += block.tokens.size
        return np.memmap(self._spool, dtype="<u8", mode="r") if done else np.empty(0, dtype=np.uint64)

    def close(self) -> None:
        """Remove the ends."""
        self._spool.unlink()


def lengths_of(ends: Ends) -> Iterator[NDArray[np.int64]]:
    """The lengths of what ends there, a million at a time."""
    last = 0
    for start in range(0, len(ends), CHUNK):
        part = np.asarray(ends[start : start + CHUNK]).astype(np.int64)
        yield np.diff(part, prepend=last)
        last = int(part[-1])


def documents_of(part: Part) -> Iterator[tuple[list[str], NDArray[np.int64], NDArray[Any]]]:
    """The documents of a part some million tokens at a time: doc_ids, where each ends, and the tokens of all."""
    first, begin = 0, 0
    while first < len(part.ends):
        last = max(int(np.searchsorted(part.ends, begin + BATCH_TOKENS, side="right")), first + 1)
        ends = np.asarray(part.ends[first:last]).astype(np.int64)
        doc_ids = [doc_id.tobytes().hex() for doc_id in part.doc_ids[first:last]]
        yield doc_ids, ends - begin, part.tokens[begin : int(ends[-1])]
        part.release()
        first, begin = last, int(ends[-1])


def write_json(path: Path, value: Any) -> None:
    """Write a file that people read too."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
