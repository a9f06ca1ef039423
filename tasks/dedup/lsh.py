"""datasketch beside the pipeline: its parameter optimiser, and its index in Redis fed with this project's signatures.

The pipeline itself joins stored bands (``gristmill.tasks.dedup``) and verifies what it finds. The index is for those
who ask one document at a time, such as a service that must know at once whether it has seen a text: its answers are
candidates. Signatures equal datasketch's, so an index may be filled by either side.

Cost: inserting is bound by Redis and datasketch's bookkeeping, about 5,000 documents a second; a query is one round
trip a band. Memory: in Redis, about 100 bytes a document and band.
"""

import importlib.util
from collections.abc import Iterator, Sequence
from typing import Any

import numpy.typing as npt
from datasketch import MinHash, MinHashLSH
from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError, UsageError
from gristmill.tasks.dedup.minhash import MinHashConfig


def optimal_shape(threshold: float, permutations: int, weights: tuple[float, float] = (0.5, 0.5)) -> tuple[int, int]:
    """Bands and rows for a threshold, by datasketch's optimiser.

    It weighs the area of false positives below the threshold against that of false negatives above it (``weights``,
    which add up to 1), over all shapes of at most ``permutations``. Cost: 0.2 s for 256 permutations. Raises
    :class:`UsageError` for numbers that it refuses.
    """
    try:
        index = MinHashLSH(threshold=threshold, num_perm=permutations, weights=weights)
    except ValueError as error:
        raise UsageError(f"no shape for threshold {threshold} and {permutations} permutations: {error}") from error
    return int(index.b), int(index.r)


class RedisConfig(Config):
    """Where the index is. Two indexes of one server differ in ``name``."""

    host: str = "localhost"
    port: int = Field(default=6379, ge=1, le=65535)
    database: int = Field(default=0, ge=0)
    name: str = Field(default="gristmill", min_length=1)


class RedisIndex:
    """Documents by the bands of their signatures, in Redis.

    Raises :class:`UsageError` without the extra ``redis``, :class:`GristmillError` when no server answers.
    """

    def __init__(self, minhash: MinHashConfig, redis: RedisConfig) -> None:
        self._config = minhash
        # The scheme and the shape are part of the name: signatures of another shape are never compared.
        shape = f"{minhash.bands}x{minhash.rows}-{minhash.scheme}-{minhash.seed}"
        storage = {
            "type": "redis",
            "basename": f"{redis.name}-{shape}".encode(),
            "redis": {"host": redis.host, "port": redis.port, "db": redis.database},
        }
        if importlib.util.find_spec("redis") is None:
            raise UsageError("the index in Redis needs the package redis: pip install 'gristmill[redis]'")
        from redis.exceptions import ConnectionError as NoAnswer

        self._index = MinHashLSH(
            num_perm=minhash.permutations,
            params=(minhash.bands, minhash.rows),
            storage_config=storage,
            prepickle=False,  # keys are bytes; nothing that comes back from the server is unpickled
        )
        try:
            self._index.is_empty()
        except NoAnswer as error:
            raise GristmillError(f"no Redis answers at {redis.host}:{redis.port}: {error}") from error

    def insert(self, doc_ids: Sequence[str], signatures: npt.NDArray[Any]) -> int:
        """Add documents, skipping those the index has already; returns how many are new.

        ``signatures``: shape ``(documents, permutations)``, as :func:`gristmill.tasks.dedup.minhash.signatures` gives
        them.
        """
        new = set()
        with self._index.insertion_session() as session:
            for doc_id, signature in zip(doc_ids, self._minhashes(signatures), strict=True):
                if doc_id not in new and doc_id.encode() not in self._index:
                    session.insert(doc_id.encode(), signature, check_duplication=False)
                    new.add(doc_id)
        return len(new)

    def query(self, signatures: npt.NDArray[Any]) -> list[list[str]]:
        """For each signature the doc_ids that share at least one band with it, sorted: candidates, not duplicates."""
        return [
            sorted(key.decode() for key in self._index.query(signature)) for signature in self._minhashes(signatures)
        ]

    def remove(self, doc_ids: Sequence[str]) -> int:
        """Take documents out; returns how many the index had."""
        known = [doc_id.encode() for doc_id in doc_ids if doc_id.encode() in self._index]
        for key in known:
            self._index.remove(key)
        return len(known)

    def _minhashes(self, signatures: npt.NDArray[Any]) -> Iterator[MinHash]:
        model = MinHash(num_perm=self._config.permutations, seed=self._config.seed, scheme=self._config.scheme)
        for values in signatures:
            yield MinHash(
                seed=self._config.seed, hashvalues=values, permutations=model.permutations, scheme=self._config.scheme
            )
