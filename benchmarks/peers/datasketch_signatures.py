"""Signatures by ``datasketch.MinHash.update_batch``, of the shingles that ``benchmarks.signatures prepare`` wrote.

Run by the peer's Python: ``datasketch_signatures.py sha1 FOLDER`` passes the bytes of the shingles with its default
hash, ``hashes FOLDER`` their 32-bit hashes and a ``hashfunc`` that returns them. All texts share one set of
permutations, and lists are made before the clock starts. Prints one line of JSON, as ``benchmarks.signatures`` does.
"""

import hashlib
import itertools
import json
import sys
import time
from pathlib import Path

import numpy as np
from datasketch import MinHash

PERMUTATIONS = 112


def main(kind: str, folder: Path) -> None:
    """Time ``update_batch`` over all texts."""
    data, starts, ends, counts, hashes = (
        np.load(folder / f"{name}.npy") for name in ("data", "starts", "ends", "counts", "hashes")
    )
    raw = data.tobytes()
    bounds = np.concatenate([[0], np.cumsum(counts)]).tolist()
    flat = (
        [raw[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        if kind == "sha1"
        else hashes.tolist()
    )
    batches = [flat[start:end] for start, end in itertools.pairwise(bounds)]
    options = {} if kind == "sha1" else {"hashfunc": int}
    permutations = MinHash(num_perm=PERMUTATIONS).permutations
    clock, wall = time.process_time(), time.perf_counter()
    found = []
    for batch in batches:
        signature = MinHash(num_perm=PERMUTATIONS, permutations=permutations, scheme="affine32", **options)
        signature.update_batch(batch)
        found.append(signature.hashvalues)
    seconds = {"cpu": time.process_time() - clock, "wall": time.perf_counter() - wall}
    digest = hashlib.sha256(np.array(found).tobytes()).hexdigest()[:16]
    print(json.dumps({**seconds, "digest": digest, "documents": len(counts), "bytes": len(data)}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
