"""Domains, shares, and the water-filling that fits shares to what the domains hold.

A domain is a named part of the corpus; a share is its part of the tokens of a run, so shares are over tokens (rows of
equal length), never over documents. Water-filling generalises UniMax (Chung et al. 2023, algorithm 1), which is the
case of equal wishes and no floors. Cost: O(k log k + k^2) for k domains, exact up to rounding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gristmill.core.errors import GristmillError
from gristmill.core.files.places import FILE_NAME_BYTES, NAME

Shares = Mapping[str, float]
Vector = NDArray[np.float64]

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Domain:
    """What a mixer knows of a domain: its size in the train split of a token store, and which bytes those are.

    ``heldout`` is the fingerprint of its held-out tokens, empty when it has none.
    """

    name: str
    tokens: int
    bytes: int
    fingerprint: str
    heldout: str = ""


def domain_problem(name: str) -> str:
    """Why a domain cannot be called so; empty when it can."""
    if NAME.fullmatch(name) and len(name.encode()) <= FILE_NAME_BYTES:
        return ""
    return (
        f"the domain {name!r} cannot name a file. Use letters, digits and the characters . _ @ = + - in the "
        f"policy, at most {FILE_NAME_BYTES} bytes."
    )


def vector(shares: Shares, domains: Sequence[Domain]) -> Vector:
    """Shares in the order of ``domains``.

    Raises :class:`GristmillError` unless they name exactly these domains, are finite, not negative, and sum to 1.
    """
    names = [domain.name for domain in domains]
    if unknown := [name for name in shares if name not in names]:
        raise GristmillError(f"weights for unknown domains {unknown}. The token store holds {names}.")
    if missing := [name for name in names if name not in shares]:
        raise GristmillError(f"no weight for the domains {missing}. Give one for each of {names}; 0 leaves one out.")
    values = np.array([shares[name] for name in names], dtype=np.float64)
    if not np.all(np.isfinite(values)) or np.any(values < 0):
        raise GristmillError(f"weights must be finite and not negative, not {dict(shares)}")
    if abs(values.sum() - 1) > 1e-6:
        raise GristmillError(f"weights must sum to 1; these sum to {values.sum():.6f}: {dict(shares)}")
    normal: Vector = values / values.sum()
    return normal


def named(values: Vector, domains: Sequence[Domain]) -> dict[str, float]:
    """A vector in the order of ``domains`` as shares by name."""
    return {domain.name: float(value) for domain, value in zip(domains, values, strict=True)}


def effective_number(shares: Vector) -> float:
    """exp of the entropy: how many equal domains would be as spread out as these. 1 for one-hot, k for uniform."""
    positive = shares[shares > 0]
    return float(np.exp(-np.sum(positive * np.log(positive))))


def water_fill(wishes: Vector, floors: Vector, ceilings: Vector, total: float) -> Vector:
    """The amounts ``clip(level * wishes, floors, ceilings)`` whose sum is ``total``.

    All arrays have shape (k,) and are finite; a wish of 1e-9 or less is none and gets its floor. Amounts not bound by a
    floor or ceiling keep the proportions of their wishes; what a ceiling cuts off goes to the others. Raises
    ``ValueError`` when no level can give that sum: the floors are above the ceilings or the total, or the ceilings of
    what is wished for are below it.
    """
    if np.any(floors > ceilings):
        raise ValueError("a floor is above its ceiling")
    wished = wishes > TOLERANCE
    most = float(np.where(wished, ceilings, floors).sum())
    slack = TOLERANCE * max(total, 1.0)
    if float(floors.sum()) > total + slack or most < total - slack:
        raise ValueError(f"the total {total} is not between {float(floors.sum())} and {most}")
    bounds = [floors[wished] / wishes[wished], ceilings[wished] / wishes[wished]]
    levels = np.unique(np.concatenate([[0.0], *bounds]))
    amounts: Vector = np.clip(levels[:, None] * wishes, floors, np.where(wished, ceilings, floors))
    sums = amounts.sum(axis=1)  # not decreasing in the level, and linear between two neighbouring levels
    upper = min(int(np.searchsorted(sums, total - slack)), len(levels) - 1)
    if upper == 0:
        lowest: Vector = amounts[0]
        return lowest
    span = sums[upper] - sums[upper - 1]
    part = min(max((total - sums[upper - 1]) / span, 0.0), 1.0)
    filled: Vector = amounts[upper - 1] + part * (amounts[upper] - amounts[upper - 1])
    return filled
