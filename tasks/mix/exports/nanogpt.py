"""nanoGPT and its forks: ``train.bin`` and ``val.bin``, u16 tokens and nothing else.

After ``train.py``, which maps both files and reads rows at random offsets: it honours neither order nor epochs, and has
no weights, so there is no blend: the mixture is in how often each domain's rows were written.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gristmill.core.errors import UsageError
from gristmill.tasks.mix.exports.format import Blend, Facts
from gristmill.tasks.mix.exports.rows import RowBlock
from gristmill.tasks.mix.token_store import Part


@dataclass(frozen=True)
class NanoGpt:
    """The format of nanoGPT. ``heldout``: the parts that ``val.bin`` is made of."""

    facts: Facts
    heldout: Sequence[Part]

    def __post_init__(self) -> None:
        if self.facts.dtype.itemsize != 2:
            raise UsageError(
                f"nanogpt: it reads 16-bit tokens alone, and the tokenizer has {self.facts.vocab_size:,} entries. "
                "Choose another format, or a tokenizer of at most 65,536 entries."
            )

    def part(self, part: Part, folder: Path, number: int) -> str:
        """Not possible: raises :class:`UsageError`."""
        raise UsageError("nanogpt: it reads one train.bin and has no weights for domains. Give --mode stream.")

    def stream(self, rows: Iterable[RowBlock], folder: Path) -> None:
        """See :class:`Format`."""
        with (folder / "train.bin").open("wb") as file:
            for block in rows:
                file.write(block.tokens.tobytes())
        with (folder / "val.bin").open("wb") as file:
            for part in self.heldout:
                file.write(part.tokens.tobytes())

    def weights(self, blend: Blend, folder: Path) -> list[str]:
        """None."""
        return []

    def opening(self, mode: str) -> str:
        """See :class:`Format`."""
        return (
            f"Name DIR as data/NAME, and set block_size {self.facts.row_tokens - 1} and, as there is no meta.pkl, the "
            f"model's vocab_size to {self.facts.vocab_size} or more. It reads rows at random "
            "places, not in the plan's order."
        )
