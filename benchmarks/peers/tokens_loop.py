"""Texts to tokens by a bare loop over ``tokenizers.Tokenizer.encode_batch``: the minimum.

Run by the peer's Python: ``tokens_loop.py FOLDER OUTPUT_FILE``, with Parquet files that have a column ``text`` and
``tokenizer/tokenizer.json``. Writes u16 tokens with an end of text after each document, and nothing else.
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from tokenizers import Tokenizer

EOS = "<|endoftext|>"
BATCH = 2048


def main(folder: Path, target: Path) -> None:
    """Write the tokens of all texts, in their order."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json"))
    end = tokenizer.token_to_id(EOS)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        for path in sorted(folder.glob("*.parquet")):
            for batch in pq.ParquetFile(path).iter_batches(BATCH, columns=["text"]):
                for encoding in tokenizer.encode_batch(batch.column(0).to_pylist(), add_special_tokens=False):
                    file.write(np.array([*encoding.ids, end], dtype="<u2").tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
