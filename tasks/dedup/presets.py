"""Shapes of MinHash: which shingles stand for a text, how many bands and rows a signature has, and presets of these.

It imports no kernels, so that settings, ``--help`` and forms list the presets at once.
"""

from typing import Literal

from pydantic import Field

from gristmill.core.config import Config, did_you_mean
from gristmill.core.errors import UsageError

Normalise = Literal["plain", "datatrove"]
Unit = Literal["word", "char"]
Hash = Literal["xxh3", "sha1"]


class ShingleConfig(Config):
    """Which n-grams stand for a text. Two near-duplicate runs compare only when these agree."""

    unit: Unit = "word"
    n: int = Field(default=5, ge=1, le=64)
    hash: Hash = "xxh3"
    normalise: Normalise = "plain"
    max_chars: int | None = Field(default=None, ge=1, description="characters of a text that are looked at; none: all")


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


def _words(bands: int, rows: int, n: int = 5, hash: Hash = "xxh3", normalise: Normalise = "plain") -> MinHashConfig:
    return MinHashConfig(shingles=ShingleConfig(n=n, hash=hash, normalise=normalise), bands=bands, rows=rows)


def _characters(bands: int, rows: int, n: int, hash: Hash = "xxh3", max_chars: int | None = None) -> MinHashConfig:
    return MinHashConfig(
        shingles=ShingleConfig(unit="char", n=n, hash=hash, max_chars=max_chars), bands=bands, rows=rows
    )


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
