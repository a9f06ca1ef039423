"""Signatures alone: the shingles are given, as bytes or as hashes, and only the making of signatures is timed.

    python -m benchmarks.signatures prepare INPUT_JSONL_FOLDER SHINGLES_FOLDER     write the shingles of the texts
    python -m benchmarks.signatures sha1 SHINGLES_FOLDER                           hash their bytes with SHA-1, permute
    python -m benchmarks.signatures hashes SHINGLES_FOLDER                         permute given hashes

112 permutations, seed 1, ``affine32``. The last line printed is JSON: processor seconds, and a digest of all
signatures, which must equal that of ``benchmarks/peers/datasketch_signatures.py``.
"""

import hashlib
import json
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.shards import sources
from gristmill.tasks.dedup.minhash import signatures
from gristmill.tasks.dedup.presets import PRESETS, ShingleConfig
from gristmill.tasks.dedup.shingles import Shingles, offsets, ranges, tokenize
from gristmill.tasks.kernels.common import sha1

CONFIG = PRESETS["fineweb"]
LIMIT = 4_000_000  # shingles; datasketch takes 1.5 microseconds for each


def prepare(source: Path, target: Path) -> None:
    """Word 5-grams of the texts, joined by spaces: bytes with starts and ends, hashes, and counts by text."""
    texts = pl.concat([pl.read_ndjson(path).get_column("text") for path in sources(source)]).to_arrow().cast("string")
    tokens = tokenize(texts, ShingleConfig())
    windows = np.maximum(tokens.counts - 4, 0)
    last = int(np.searchsorted(np.cumsum(windows), LIMIT))
    windows = windows[:last]
    first = np.repeat(offsets(tokens.counts)[:last], windows) + ranges(windows)
    starts, ends = tokens.starts[first], tokens.ends[first + 4]
    target.mkdir(parents=True, exist_ok=True)
    for name, array in {
        "data": tokens.data[: ends.max()],
        "starts": starts,
        "ends": ends,
        "counts": windows,
        "hashes": sha1.hash_spans(tokens.data, starts, ends) & np.uint64(0xFFFFFFFF),
    }.items():
        np.save(target / f"{name}.npy", array)


def run(kind: str, folder: Path) -> dict[str, object]:
    """Signatures of the prepared shingles; compiled code is loaded before the clock starts."""
    data, starts, ends, counts, hashes = (
        np.load(folder / f"{name}.npy") for name in ("data", "starts", "ends", "counts", "hashes")
    )
    signatures(Shingles(sha1.hash_spans(data, starts[:2], ends[:2]), np.array([2])), CONFIG)
    clock, wall = time.process_time(), time.perf_counter()
    if kind == "sha1":
        hashes = sha1.hash_spans(data, starts, ends)
    found = signatures(Shingles(hashes, counts), CONFIG)
    seconds = {"cpu": time.process_time() - clock, "wall": time.perf_counter() - wall}
    digest = hashlib.sha256(np.ascontiguousarray(found).tobytes()).hexdigest()[:16]
    return {**seconds, "digest": digest, "documents": len(counts), "bytes": len(data)}


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        print(json.dumps(run(sys.argv[1], Path(sys.argv[2]))))
