"""JSON lines with ``input_ids``, for trainers with a loader of their own and for people.

The fields are those of :mod:`gristmill.tasks.mix.exports.parquet`. Cost: about 5 bytes a token.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gristmill.tasks.mix.exports.format import Blend, Facts, documents_of
from gristmill.tasks.mix.exports.rows import RowBlock
from gristmill.tasks.mix.token_store import Part


@dataclass(frozen=True)
class JsonLines:
    """Tokens as lists in JSON lines."""

    facts: Facts

    def part(self, part: Part, folder: Path, number: int) -> str:
        """See :class:`Format`."""
        name = f"{number:05d}.jsonl"
        with (folder / name).open("w", encoding="utf-8") as file:
            for doc_ids, ends, tokens in documents_of(part):
                begin = 0
                for doc_id, end in zip(doc_ids, ends.tolist(), strict=True):
                    file.write(json.dumps({"doc_id": doc_id, "input_ids": tokens[begin:end].tolist()}) + "\n")
                    begin = end
        return name

    def stream(self, rows: Iterable[RowBlock], folder: Path) -> None:
        """See :class:`Format`."""
        with (folder / "train.jsonl").open("w", encoding="utf-8") as file:
            for block in rows:
                for tokens, lengths, domain in zip(block.tokens.tolist(), block.lengths, block.domains, strict=True):
                    row = {"input_ids": tokens, "seq_lengths": lengths, "domain": domain}
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def weights(self, blend: Blend, folder: Path) -> list[str]:
        """None: DIR/weights.json has them by tokens and by documents."""
        return []

    def opening(self, mode: str) -> str:
        """See :class:`Format`."""
        if mode == "stream":
            return "A row of the run on each line of DIR/train.jsonl, in the order of the plan."
        return "A document on each line of DIR/DOMAIN/*.jsonl. DIR/weights.json has weights by tokens and by documents."
