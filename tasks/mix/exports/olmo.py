"""OLMo-core: ``.npy`` without a header, and ``.csv.gz`` with where documents begin and end.

After ``olmo_core/data/utils.py`` and ``source_mixture.py`` (3.0.0). The name says NumPy, the file is tokens alone. A
line of the metadata is ``start,end`` and the doc_id. Rows have ``row_tokens`` tokens, with the labels' shift inside.
The data type has to be given to OLMo-core, which otherwise takes u8 for a vocabulary of up to 256.
Cost: about 20 bytes a document.
"""

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from gristmill.tasks.mix.exports.format import CHUNK, Blend, Ends, Facts, StreamWriter, link
from gristmill.tasks.mix.exports.rows import RowBlock
from gristmill.tasks.mix.token_store import Part

MIXTURE = "source_mixture.yaml"


@dataclass(frozen=True)
class Olmo:
    """The format of OLMo-core's ``NumpyDocumentSource``."""

    facts: Facts

    def part(self, part: Part, folder: Path, number: int) -> str:
        """See :class:`Format`."""
        name = f"{number:05d}.npy"
        link(part.path, folder / name)
        doc_ids = (doc_id.tobytes().hex() for doc_id in part.doc_ids)
        write_metadata(folder / f"{number:05d}.csv.gz", part.ends, (f",{doc_id}" for doc_id in doc_ids))
        return name

    def stream(self, rows: Iterable[RowBlock], folder: Path) -> None:
        """See :class:`Format`. Pieces of documents count as documents."""
        writer = StreamWriter(folder / "train.npy")
        ends = writer.write(rows)
        write_metadata(folder / "train.csv.gz", ends, ("" for _ in ends))
        writer.close()

    def weights(self, blend: Blend, folder: Path) -> list[str]:
        """The ``sources`` of OLMo-core's ``SourceMixtureList``; a domain's cap is its ``max_repetition_ratio``."""
        written = []
        for name, stage in blend.stage_files(MIXTURE):
            sources = [
                {
                    "source_name": domain,
                    "target_ratio": stage.weights[domain],
                    "paths": [blend.place(piece) for piece in pieces],
                    "max_repetition_ratio": max(float(blend.caps[domain]), 1.0),
                }
                for domain, pieces in blend.pieces.items()
                if stage.weights[domain]
            ]
            (folder / name).write_text(yaml.safe_dump({"sources": sources}, sort_keys=False), encoding="utf-8")
            written.append(name)
        return written

    def opening(self, mode: str) -> str:
        """See :class:`Format`."""
        kind = f"dtype uint{8 * self.facts.dtype.itemsize}, sequence_length {self.facts.row_tokens}"
        tokenizer = f"eos_token_id {self.facts.eos_id}, vocab_size {self.facts.vocab_size}"
        if mode == "stream":
            return (
                f"NumpyDocumentSource(source_paths=['DIR/train.npy'], ...) with {kind}, {tokenizer}; chunked in "
                "order by ConcatAndChunkInstanceSource. The data loader shuffles unless told not to."
            )
        return f"SourceMixtureList from DIR/{MIXTURE} with {kind}, {tokenizer}. OLMo-core shuffles."


def write_metadata(path: Path, ends: Ends, rest: Iterator[str]) -> None:
    """Write a line for each document, the same bytes each time."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as file:
        last = 0
        for start in range(0, len(ends), CHUNK):
            lines = []
            for end in np.asarray(ends[start : start + CHUNK]).tolist():
                lines.append(f"{last},{end}{next(rest)}\n")
                last = end
            file.write("".join(lines).encode())
