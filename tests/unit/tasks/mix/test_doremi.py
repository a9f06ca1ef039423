"""DoReMi: its invariants, and two problems whose answers are known."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.tasks.mix.domains import Vector
from gristmill.tasks.mix.mixers.doremi import Clip, excess, update

distributions = st.lists(st.floats(0.01, 1), min_size=1, max_size=8).map(lambda values: np.array(values) / sum(values))


@given(distributions, st.data())
def test_the_update_is_equivariant_shift_free_and_bounded_below(alpha: Vector, data: st.DataObject) -> None:
    size = len(alpha)
    lam = np.array(data.draw(st.lists(st.floats(0, 20), min_size=size, max_size=size)))
    order = np.array(data.draw(st.permutations(range(size))))
    found = update(alpha, lam)
    assert found.sum() == pytest.approx(1)
    assert (found >= 1e-3 / size * (1 - 1e-12)).all()
    assert update(alpha[order], lam[order]) == pytest.approx(found[order], rel=1e-12)
    assert update(alpha, lam + 7.5) == pytest.approx(found, rel=1e-9)


@pytest.mark.parametrize(
    ("alpha", "lam"),
    [([1.0, 0.0], [0.1, 0.1]), ([0.5, 0.6], [0.1, 0.1]), ([0.5, 0.5], [np.nan, 0.1]), ([0.5, 0.5], [0.1])],
)
def test_the_update_refuses_one_hot_weights_and_missing_losses(alpha: list[float], lam: list[float]) -> None:
    with pytest.raises(ValueError, match=r"weights|excess"):
        update(np.array(alpha), np.array(lam))


def test_a_missing_reference_or_domain_is_an_error() -> None:
    loss, domain = np.ones(4), np.array([0, 0, 1, 1])
    with pytest.raises(ValueError, match="needs the reference"):
        excess(loss, None, domain, 2)
    with pytest.raises(ValueError, match="every batch needs every domain"):
        excess(loss, loss, domain, 3)


def saddle(centres: np.ndarray, reference: np.ndarray, eta: float, steps: int = 8_000) -> Vector:
    """Mean weights for losses |theta - centre|^2 / 2 with constants as the reference's losses."""
    alpha = np.full(len(centres), 1 / len(centres))
    theta = centres.mean(axis=0)
    total = np.zeros(len(centres))
    for step in range(steps):
        excess_loss = 0.5 * ((theta - centres) ** 2).sum(axis=1) - reference
        alpha = update(alpha, excess_loss, eta=eta / np.sqrt(step + 1), smoothing=1e-6)
        theta = theta - 0.05 * (alpha[:, None] * (theta - centres)).sum(axis=0)
        total += alpha
    return total / steps


@pytest.mark.parametrize(("first", "second"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.2), (0.3, 0.05)])
def test_a_quadratic_saddle_with_a_closed_form(first: float, second: float) -> None:
    theta = 0.5 + first - second
    found = saddle(np.array([[0.0], [1.0]]), np.array([first, second]), eta=1.0)
    assert found == pytest.approx([1 - theta, theta], abs=0.01)


# -- bigram tables on disjoint vocabularies with known entropies (mixing.md 1.6.3) ------------------------------------

SYMBOLS = 16
ROWS, LENGTH = 8, 32


def chain(sharpness: float, seed: int) -> np.ndarray:
    """A transition table of 16 symbols: from deterministic (large) to uniform (0)."""
    logits = np.random.default_rng(seed).normal(size=(SYMBOLS, SYMBOLS)) * sharpness
    table = np.exp(logits - logits.max(axis=1, keepdims=True))
    return table / table.sum(axis=1, keepdims=True)


TABLES = (chain(6.0, 1), chain(1.5, 2), chain(0.0, 3))  # easy, medium, noise


def draw(table: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """ROWS sequences of LENGTH + 1 symbols."""
    cumulated = table.cumsum(axis=1)
    symbols = np.empty((ROWS, LENGTH + 1), dtype=np.int64)
    symbols[:, 0] = generator.integers(SYMBOLS, size=ROWS)
    for place in range(LENGTH):
        symbols[:, place + 1] = (generator.random(ROWS)[:, None] > cumulated[symbols[:, place]]).sum(axis=1)
    return np.minimum(symbols, SYMBOLS - 1)


Weigh = Callable[[np.ndarray, np.ndarray], Vector]


def train(weigh: Weigh, seed: int, steps: int = 400, rate: float = 0.5) -> np.ndarray:
    """Logits, shape (3, 16, 16), of bigram models trained with weighted domain losses (momentum, rate falling to 0)."""
    generator = np.random.default_rng(seed)
    logits = np.zeros((len(TABLES), SYMBOLS, SYMBOLS))
    moment = np.zeros_like(logits)
    for step in range(steps):
        batches = [draw(table, generator) for table in TABLES]
        losses, gradients = [], []
        for number, symbols in enumerate(batches):
            before, after = symbols[:, :-1].ravel(), symbols[:, 1:].ravel()
            log_probability = logits[number] - np.log(np.exp(logits[number]).sum(axis=1, keepdims=True))
            losses.append(-log_probability[before, after])
            gradient = np.zeros((SYMBOLS, SYMBOLS))
            np.add.at(gradient, before, np.exp(log_probability)[before])
            np.add.at(gradient, (before, after), -1.0)
            gradients.append(gradient / len(before))
        keys = np.concatenate([symbols[:, :-1].ravel() + number * SYMBOLS for number, symbols in enumerate(batches)])
        nexts = np.concatenate([symbols[:, 1:].ravel() for symbols in batches])
        weights = weigh(np.concatenate(losses), np.stack([keys, nexts]))
        moment = 0.9 * moment + sum_weighted(weights, gradients)
        logits -= rate * moment * (1 - step / steps)
    return logits


def sum_weighted(weights: Vector, gradients: list[np.ndarray]) -> np.ndarray:
    return np.stack([weight * gradient for weight, gradient in zip(weights, gradients, strict=True)])


def token_losses(logits: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Losses of (key, next) pairs, where key is domain * 16 + symbol."""
    log_probability = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    losses: np.ndarray = -log_probability.reshape(-1, SYMBOLS)[pairs[0], pairs[1]]
    return losses


def excess_entropy(logits: np.ndarray) -> np.ndarray:
    """Exact excess of each model over the entropy of its table: the mean over symbols of the divergence."""
    log_probability = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    tables = np.stack(TABLES)
    divergence = (tables * (np.log(np.maximum(tables, 1e-300)) - log_probability)).sum(axis=2)
    found: np.ndarray = divergence.mean(axis=1)
    return found


DOMAIN_IDS = np.repeat(np.arange(3), ROWS * LENGTH)
UNIFORM = np.full(3, 1 / 3)


def doremi_weights(reference: np.ndarray | None, clip: Clip, seed: int) -> Vector:
    """Mean weights of a proxy; without a reference, plain group DRO on the losses by the update function alone."""
    alphas = [UNIFORM]

    def weigh(losses: np.ndarray, pairs: np.ndarray) -> Vector:
        if reference is None:
            lam = np.bincount(DOMAIN_IDS, weights=losses) / (ROWS * LENGTH)
        else:
            lam = excess(losses, token_losses(reference, pairs), DOMAIN_IDS, 3, clip)
        alphas.append(update(alphas[-1], lam))
        return alphas[-1]

    train(weigh, seed)
    mean: Vector = np.mean(alphas[1:], axis=0)
    return mean


@pytest.fixture(scope="module")
def bigrams() -> dict[str, Vector]:
    """Weights found with a reference, with each clip, and without one."""
    reference = train(lambda losses, pairs: UNIFORM, seed=10)
    return {
        "token": doremi_weights(reference, "token", 20),
        "domain": doremi_weights(reference, "domain", 20),
        "none": doremi_weights(None, "token", 20),
    }


def test_noise_gets_little_weight_with_a_reference_and_nearly_all_without(bigrams: dict[str, Vector]) -> None:
    assert bigrams["domain"][2] < 0.05
    assert bigrams["token"][2] < 0.05
    assert bigrams["none"][2] > 0.9


def test_domain_clip_beats_uniform_in_the_worst_domain_and_differs_from_token_clip(bigrams: dict[str, Vector]) -> None:
    def worst(weights: Vector) -> float:
        found = [excess_entropy(train(lambda losses, pairs: weights, seed)).max() for seed in (30, 31)]
        return float(np.mean(found))

    assert worst(bigrams["domain"]) < worst(UNIFORM)
    assert np.abs(bigrams["token"] - bigrams["domain"]).max() > 0.05
