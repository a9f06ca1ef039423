"""The best bands and rows for a similarity threshold, and which pairs a shape proposes.

The optimiser is that of datasketch, whose shapes text-dedup, Data-Juicer and RedPajama-V2 ship. ``gristmill bands``
shows its answer beside the presets.
"""

from datasketch import MinHashLSH

from gristmill.core.errors import UsageError


def optimal_shape(threshold: float, permutations: int, weights: tuple[float, float] = (0.5, 0.5)) -> tuple[int, int]:
    """Bands and rows for a threshold, by datasketch's optimiser.

    It weighs the area of false positives below the threshold against that of false negatives above it (``weights``,
    which add up to 1), over all shapes of at most ``permutations``. Cost: 0.2 s for 256 permutations. Raises
    :class:`UsageError` for numbers that datasketch refuses.
    """
    try:
        index = MinHashLSH(threshold=threshold, num_perm=permutations, weights=weights)
    except ValueError as error:
        raise UsageError(f"no shape for threshold {threshold} and {permutations} permutations: {error}") from error
    return int(index.b), int(index.r)


def candidate_probability(similarity: float, bands: int, rows: int) -> float:
    """Probability that two texts of this Jaccard similarity share a bucket in at least one band."""
    return float(1 - (1 - similarity**rows) ** bands)
