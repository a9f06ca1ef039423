"""The numbers a training run is planned with: when to save, how fast to learn, what names a run."""

from itertools import pairwise

import pytest

from gristmill.core.errors import UsageError
from gristmill.tasks.train.recipe import RECIPES, RunSettings, checkpoint_steps, learning_rate, run_key

TINY = RECIPES["tiny"]
SETTINGS = RunSettings(recipe="tiny", steps=30, batch_rows=4, learning_rate=3e-3, seed=0, checkpoint_steps=(10, 20, 30))


@pytest.mark.parametrize(
    ("steps", "count", "expected"),
    [(30, 3, (10, 20, 30)), (195, 3, (65, 130, 195)), (7, 2, (4, 7)), (5, 1, (5,)), (3, 3, (1, 2, 3)), (2, 5, (1, 2))],
)
def test_checkpoints_are_evenly_spaced_and_the_last_is_the_end(
    steps: int, count: int, expected: tuple[int, ...]
) -> None:
    assert checkpoint_steps(steps, count) == expected


def test_the_rate_warms_up_and_decays_to_a_tenth() -> None:
    rates = [learning_rate(TINY, 1.0, step, 100) for step in range(1, 101)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert all(before > after for before, after in pairwise(rates[4:]))
    assert rates[4 + 95 // 2] == pytest.approx(0.55, abs=0.01)  # halfway down the cosine
    assert rates[-1] == pytest.approx(0.1)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_rate_of_a_very_short_run_is_never_zero(steps: int) -> None:
    assert all(0 < learning_rate(TINY, 1.0, step, steps) <= 1 for step in range(1, steps + 1))


def test_the_key_names_what_decides_the_weights() -> None:
    key = run_key(SETTINGS, ("plan", "tokens"))
    assert key == run_key(SETTINGS, ("tokens", "plan"))
    changed = [
        run_key(SETTINGS.model_copy(update={"seed": 1}), ("plan", "tokens")),
        run_key(SETTINGS.model_copy(update={"learning_rate": 1e-3}), ("plan", "tokens")),
        run_key(SETTINGS.model_copy(update={"threads": 2}), ("plan", "tokens")),
        run_key(SETTINGS, ("plan", "other tokens")),
    ]
    assert len({key, *changed}) == 5


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(UsageError, match="recipe"):
        RunSettings.parse(SETTINGS.model_dump() | {"recipe": "huge"}, "train.json")
