"""MinHash signatures and LSH bands, as columns.

A signature has, for each of ``bands * rows`` random permutations, the least permuted hash among a text's shingles;
two texts agree in one place with probability equal to the Jaccard similarity of their shingle sets (Broder 1997). Texts
that agree in all rows of at least one band become candidates: probability ``1 - (1 - s**rows) ** bands``. Candidates
are only proposed here; ``gristmill.tasks.dedup.near.verify`` measures them.

Signatures equal those of ``datasketch.MinHash`` 2.0 bit for bit for the same seed, scheme and shingle hash: affine
permutations ``a * fmix(h) + b mod 2**width`` with ``a`` odd, drawn from ``numpy.random.RandomState(seed)``. The
``hashfunc`` that datasketch must be given is the hash of ``gristmill.tasks.dedup.shingles`` (its low 32 bits for
``affine32``); with ``hash: sha1`` that is datasketch's default.

Cost: without shingling, about 900 MB of text a second a core with 112 permutations of 32 bits. Memory: a slice of
``gristmill.tasks.dedup.shingles.SLICE_BYTES`` of text at a time, and 18 bytes a document and band of output.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import Bands, Documents, Verdicts
from gristmill.tasks.dedup.presets import MinHashConfig
from gristmill.tasks.dedup.shingles import Hashes, Shingles, shingle, slices
from gristmill.tasks.filtering.decide import kept_by
from gristmill.tasks.kernels.minhash.bands import hash_bands
from gristmill.tasks.kernels.minhash.minhash import least_permuted


@shard_step("bands", version=2, reads=(Documents, Verdicts), writes=(Bands,))
def bands(documents: pa.Table, verdicts: pa.Table, config: MinHashConfig) -> pa.Table:
    """Bands of the documents that the policy kept: ``config.bands`` rows a document, none for a text without tokens."""
    kept = kept_by(verdicts, StageName.DECIDE, documents.select(["doc_id", "text"]))
    parts = [_bands_of(kept.slice(cut.start, cut.stop - cut.start), config) for cut in slices(kept.column("text"))]
    return pa.concat_tables([Bands.schema.empty_table(), *parts])


def _bands_of(documents: pa.Table, config: MinHashConfig) -> pa.Table:
    shingles = shingle(documents.column("text"), config.shingles)
    present = np.flatnonzero(shingles.counts)
    found = buckets(signatures(Shingles(shingles.hashes, shingles.counts[present]), config), config)
    rows = np.repeat(present, config.bands)
    return pa.table(
        {
            "doc_id": documents.column("doc_id").take(pa.array(rows)),
            "band": pa.array(np.tile(np.arange(config.bands, dtype=np.int16), len(present))),
            "bucket": pa.array(found.reshape(-1)),
        },
        schema=Bands.schema,
    )


def signatures(shingles: Shingles, config: MinHashConfig) -> npt.NDArray[Any]:
    """Signatures of texts: shape ``(texts, permutations)``, uint32 or uint64; all ones for a text without shingles."""
    factors, shifts = _permutations(config)
    return least_permuted(shingles.hashes, shingles.counts, factors, shifts)


def buckets(found: npt.NDArray[Any], config: MinHashConfig) -> Hashes:
    """Hash of the rows of each band of signatures ``(texts, permutations)``: shape ``(texts, bands)``."""
    return hash_bands(found, config.bands, config.rows)


def _permutations(config: MinHashConfig) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Factors (odd) and shifts as datasketch draws them: each of shape ``(permutations,)``."""
    width, kind = (32, np.uint32) if config.scheme == "affine32" else (64, np.uint64)
    generator = np.random.RandomState(config.seed)
    halves = generator.randint(0, 1 << (width - 1), config.permutations, dtype=kind)
    shifts = generator.randint(0, 1 << width, config.permutations, dtype=kind)
    return halves * kind(2) + kind(1), shifts
