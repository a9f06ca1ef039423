"""MinHash signatures and LSH bands, as columns.

A signature holds, for each of ``bands * rows`` random permutations, the least permuted hash among a text's shingles;
two texts agree in one place with probability equal to the Jaccard similarity of their shingle sets (Broder 1997). Texts
that agree in all rows of at least one band become candidates: probability ``1 - (1 - s**rows) ** bands``. Candidates
are only proposed here; ``tasks.dedup.verify`` measures them.

Signatures equal those of ``datasketch.MinHash`` 2.0 bit for bit for the same seed, scheme and shingle hash: affine
permutations ``a * fmix(h) + b mod 2**width`` with ``a`` odd, drawn from ``numpy.random.RandomState(seed)``. The
``hashfunc`` that datasketch must be given is the hash of ``tasks.shingles`` (its low 32 bits for ``affine32``); with
``hash: sha1`` that is datasketch's default.

Cost: shingles apart, about 900 MB of text a second a core with 112 permutations of 32 bits. Memory: a slice of texts of
``tasks.shingles.SLICE_BYTES`` at a time, and 18 bytes a document and band of output.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from schemas.config import Config
from schemas.tables import Bands, Documents, Verdicts
from tasks.decide import STAGE as DECIDE
from tasks.decide import kept_by
from tasks.kernels.bands import hash_bands
from tasks.kernels.permute import least_permuted
from tasks.shingles import Hashes, ShingleConfig, Shingles, shingle, slices
from tasks.step import step


class MinHashConfig(Config):
    """The shape of signatures and bands. The default is FineWeb's shape: 14 bands of 8 rows, 112 permutations."""

    shingles: ShingleConfig = ShingleConfig()
    bands: int = Field(default=14, ge=1, le=1024)
    rows: int = Field(default=8, ge=1, le=1024)
    seed: int = Field(default=1, ge=0, lt=1 << 32)
    scheme: Literal["affine32", "affine64"] = "affine32"

    @property
    def permutations(self) -> int:
        """Length of a signature."""
        return self.bands * self.rows


PRESETS: dict[str, MinHashConfig] = {
    "fineweb": MinHashConfig(bands=14, rows=8),
    "26x11": MinHashConfig(bands=26, rows=11),
}


def candidate_probability(similarity: float, config: MinHashConfig) -> float:
    """Probability that two texts of this Jaccard similarity share a bucket in at least one band."""
    return float(1 - (1 - similarity**config.rows) ** config.bands)


@step("bands", version=1, reads=(Documents, Verdicts), writes=(Bands,))
def bands(documents: pa.Table, verdicts: pa.Table, config: MinHashConfig) -> pa.Table:
    """Bands of the documents that the policy kept: ``config.bands`` rows a document, none for a text without tokens."""
    kept = kept_by(verdicts, DECIDE, documents.select(["doc_id", "text"]))
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
