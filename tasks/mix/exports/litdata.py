"""litdata and litgpt: chunks of tokens with an ``index.json``, for ``TokensLoader``.

After ``litdata/streaming/writer.py`` and ``item_loader.py`` (0.2.76). A chunk is u32 items (1), u32 offsets (2 of them)
and the tokens; the index lists for each chunk its bytes, items, tokens (``dim``) and file. Tokens are
``no_header_tensor`` of torch's uint16 (20) or int32 (15: there is no u32, equal below 2**31). Chunks hold whole rows,
so ``block_size`` must be ``row_tokens``; the rest of a part at its end is not read. Cost: a copy of the tokens.
"""

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.tasks.mix.exports.format import Blend, Facts
from gristmill.tasks.mix.exports.rows import RowBlock
from gristmill.tasks.mix.token_store import Part, Tokens

INDEX = "index.json"
CHUNK_BYTES = 64 << 20
TENSOR_TYPES = {2: 20, 4: 15}
ONE_TENSOR = '[1, {"type": null, "context": null, "children_spec": []}]'


@dataclass(frozen=True)
class LitData:
    """The format of litdata's ``BinaryWriter`` with a ``TokensLoader``."""

    facts: Facts

    def part(self, part: Part, folder: Path, number: int) -> str:
        """See :class:`Format`."""
        size = self._chunk_tokens
        pieces = (part.tokens[start : start + size] for start in range(0, len(part.tokens), size))
        self._write(folder, number, pieces)
        return ""

    def stream(self, rows: Iterable[RowBlock], folder: Path) -> None:
        """See :class:`Format`."""
        size = self._chunk_tokens
        flat = (block.tokens.reshape(-1) for block in rows)
        pieces = (tokens[start : start + size] for tokens in flat for start in range(0, len(tokens), size))
        self._write(folder, 0, pieces)

    def weights(self, blend: Blend, folder: Path) -> list[str]:
        """None: weights are an argument of ``CombinedStreamingDataset``."""
        return []

    def opening(self, mode: str) -> str:
        """See :class:`Format`."""
        loader = f"TokensLoader(block_size={self.facts.row_tokens})"
        if mode == "stream":
            return f"StreamingDataset('DIR', item_loader={loader}, shuffle=False) gives the rows in the plan's order."
        return (
            f"CombinedStreamingDataset([StreamingDataset('DIR/DOMAIN', item_loader={loader}), ...], weights=[...]) "
            "with the weights of DIR/weights.json."
        )

    @property
    def _chunk_tokens(self) -> int:
        """Tokens of a chunk: whole rows, at least one."""
        row = self.facts.row_tokens
        return max(CHUNK_BYTES // self.facts.dtype.itemsize // row, 1) * row

    def _write(self, folder: Path, number: int, pieces: Iterator[Tokens]) -> None:
        """Write a chunk for each piece, and add them to the index of the folder."""
        index = folder / INDEX
        chunks: list[dict[str, Any]] = json.loads(index.read_bytes())["chunks"] if index.is_file() else []
        for place, tokens in enumerate(pieces):
            name = f"chunk-{number}-{place}.bin"
            with (folder / name).open("wb") as file:
                file.write(struct.pack("<3I", 1, 12, 12 + tokens.nbytes))
                file.write(tokens.tobytes())
            chunks.append({"chunk_bytes": tokens.nbytes, "chunk_size": 1, "dim": len(tokens), "filename": name})
        config = {
            "chunk_bytes": CHUNK_BYTES,
            "chunk_size": None,
            "compression": None,
            "data_format": [f"no_header_tensor:{TENSOR_TYPES[self.facts.dtype.itemsize]}"],
            "data_spec": ONE_TENSOR,
            "encryption": None,
            "item_loader": "TokensLoader",
        }
        index.write_text(json.dumps({"chunks": chunks, "config": config}, sort_keys=True), encoding="utf-8")
