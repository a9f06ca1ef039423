"""datatrove and nanotron: ``.ds``, ``.ds.index`` and ``.ds.metadata``.

After ``datatrove/pipeline/tokens/tokenizer.py`` (0.10.1): tokens as u16 or u32; the index has a u64 for each document,
where it ends in tokens; the metadata has a line ``tokenizer|bytes a token``, the count, and the count for people.
``DatatroveFolderDataset`` and nanotron's Nanoset read windows of ``seq_len + 1`` tokens. Cost: 8 bytes a document.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gristmill.tasks.mix.exports.format import CHUNK, Blend, Ends, Facts, StreamWriter, link
from gristmill.tasks.mix.exports.rows import RowBlock
from gristmill.tasks.mix.token_store import Part

NANOTRON = "nanotron.yaml"
METRIC = "kMGTPE"


@dataclass(frozen=True)
class Datatrove:
    """The format of datatrove's ``TokenizedFile``."""

    facts: Facts

    def part(self, part: Part, folder: Path, number: int) -> str:
        """See :class:`Format`."""
        name = f"{number:05d}.ds"
        link(part.path, folder / name)
        self._beside(folder / name, part.ends, len(part.tokens))
        return name

    def stream(self, rows: Iterable[RowBlock], folder: Path) -> None:
        """See :class:`Format`. Pieces of documents count as documents, so positions begin at 0 in every row."""
        writer = StreamWriter(folder / "train.ds")
        ends = writer.write(rows)
        self._beside(folder / "train.ds", ends, int(ends[-1]))
        writer.close()

    def weights(self, blend: Blend, folder: Path) -> list[str]:
        """The ``dataset`` of nanotron's ``data_stages``."""
        written = []
        for name, stage in blend.stage_files(NANOTRON):
            domains = [domain for domain in blend.pieces if stage.weights[domain]]
            dataset: dict[str, Any] = {
                "dataset_folder": [f"{blend.prefix}/{domain}" for domain in domains],
                "dataset_weights": [stage.weights[domain] for domain in domains],
                "tokenizer_name": self.facts.tokenizer,
                "vocab_size": self.facts.vocab_size,
                "token_size_in_bytes": self.facts.dtype.itemsize,
            }
            (folder / name).write_text(yaml.safe_dump({"dataset": dataset}, sort_keys=False), encoding="utf-8")
            written.append(name)
        return written

    def opening(self, mode: str) -> str:
        """See :class:`Format`."""
        size, length = self.facts.dtype.itemsize, self.facts.row_tokens - 1
        call = f"seq_len={length}, token_size={size}, return_positions=True)"
        if mode == "stream":
            return f"DatatroveFolderDataset(DIR, {call} gives the rows in the order of the plan."
        return (
            f"nanotron: data_stages[].data.dataset is in DIR/{NANOTRON}, sequence_length {length}, "
            f"tokenizer.tokenizer_name_or_path {self.facts.tokenizer}; or "
            f"DatatroveFolderDataset('DIR/DOMAIN', {call}. nanotron repeats a domain in the same order."
        )

    def _beside(self, file: Path, ends: Ends, tokens: int) -> None:
        with file.with_name(file.name + ".index").open("wb") as index:
            for start in range(0, len(ends), CHUNK):
                index.write(ends[start : start + CHUNK].astype("<u8").tobytes())
        lines = [f"{self.facts.tokenizer}|{self.facts.dtype.itemsize}", str(tokens), metric(tokens)]
        file.with_name(file.name + ".metadata").write_text("\n".join(lines), encoding="utf-8")


def metric(count: int) -> str:
    """A count with three digits and a prefix, as the package humanize writes it: ``1.23 kT``."""
    power = min((len(str(count)) - 1) // 3, len(METRIC))
    value = count / 1000**power
    digits = max(3 - len(str(int(value))), 0)
    return f"{value:.{digits}f} {METRIC[power - 1]}T" if power else f"{value:.{digits}f} T"
