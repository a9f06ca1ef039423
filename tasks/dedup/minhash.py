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

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from gristmill.core.config import Config, did_you_mean
from gristmill.core.errors import UsageError
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.stages import StageName
from gristmill.schemas.tables import Bands, Documents, Verdicts
from gristmill.tasks.dedup.shingles import Hashes, ShingleConfig, Shingles, shingle, slices
from gristmill.tasks.filtering.decide import kept_by
from gristmill.tasks.kernels.minhash.bands import hash_bands
from gristmill.tasks.kernels.minhash.minhash import least_permuted


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


def _words(bands: int, rows: int, n: int = 5, **shingles: Any) -> MinHashConfig:
    return MinHashConfig(shingles=ShingleConfig(n=n, **shingles), bands=bands, rows=rows)


def _characters(bands: int, rows: int, n: int, **shingles: Any) -> MinHashConfig:
    return MinHashConfig(shingles=ShingleConfig(unit="char", n=n, **shingles), bands=bands, rows=rows)


# Shapes of other projects, named by their lineage. Bands, rows, unit and n are theirs, exactly; so is what
# `normalise` and `hash` say where they are given: two presets keep datatrove's words, which are blind to non-spacing
# marks and see invisible characters. In all others words are this project's (gristmill.tasks.dedup.shingles).
# Permutations are datasketch's, so signatures differ from theirs while the curve of candidates is the same.
PRESETS: dict[str, MinHashConfig] = {
    "fineweb": _words(14, 8),
    "26x11": _words(26, 11),
    # datatrove dedup/minhash.py:51-53 and examples/fineweb.py
    "fineweb@datatrove-0.10": MinHashConfig(
        shingles=ShingleConfig(normalise="datatrove", hash="sha1"), bands=14, rows=8, scheme="affine64"
    ),
    # Marin fuzzy dedup, the shape of Dolma 3: characters, and no more than 500,000 of a text
    "dolma3@marin": _characters(26, 11, 5, max_chars=500_000),
    # the default of duplodocus' command line; the unit of its shingles was not seen, words are this project's choice
    "20x5@duplodocus": _words(20, 5),
    # ops/deduplicator/ray_bts_minhash_deduplicator.py:308-314: 256 permutations, threshold 0.7
    "data-juicer": _words(25, 10, hash="sha1"),
    # config/algorithms/minhash.py: 240 permutations, threshold 0.7
    "text-dedup": _words(24, 10),
    # RedPajama-Data app/src/run_lsh.py: 128 permutations, by threshold
    "rpv2@0.7": _words(14, 9, 13),
    "rpv2@0.8": _words(9, 13, 13),
    "rpv2@0.9": _words(5, 25, 13),
    "rpv2@1.0": _words(1, 128, 13),
    # Daft docs/examples/minhash-dedupe.md: 64 permutations, threshold 0.7
    "daft": _words(8, 8),
    # MegaMath web_pipeline/README.md: datatrove with 11 buckets of 10 hashes
    "megamath": _words(11, 10, normalise="datatrove"),
    # MAP-NEO Matrix minhash_lsh/generate_minhash.py
    "map-neo": _characters(9, 13, 13, hash="sha1"),
    # NeMo Curator fuzzy/workflow.py:78-81
    "curator": _characters(20, 13, 24),
}


def preset(name: str) -> MinHashConfig:
    """The preset of this name. Raises :class:`UsageError` with the nearest name for an unknown one."""
    if name not in PRESETS:
        raise UsageError(f"no MinHash preset is called {name!r}{did_you_mean(name, list(PRESETS))}")
    return PRESETS[name]


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
