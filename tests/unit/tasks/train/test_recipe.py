"""The numbers a training run is planned with: when to save, how fast to learn, what names a run."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gristmill.core.errors import UsageError
from gristmill.tasks.train.recipe import Recipe, RunSettings, checkpoint_steps, own_recipe, run_key
from gristmill.tasks.train.schedule import ScheduleName, learning_rate

SETTINGS = RunSettings.parse(
    {
        "recipe": "tiny",
        "steps": 30,
        "batch_rows": 4,
        "learning_rate": 3e-3,
        "seed": 0,
        "checkpoint_steps": (10, 20, 30),
    },
    "train.json",
)
INPUTS = ("plan", "tokens")


def changed(**values: Any) -> RunSettings:
    return RunSettings.parse(SETTINGS.model_dump() | values, "train.json")


def rates(schedule: ScheduleName, steps: int) -> list[float]:
    return [
        learning_rate(schedule, 1.0, step, steps, warmup_share=0.05, decay_share=0.2) for step in range(1, steps + 1)
    ]


@pytest.mark.parametrize(
    ("steps", "count", "expected"),
    [(30, 3, (10, 20, 30)), (195, 3, (65, 130, 195)), (7, 2, (4, 7)), (5, 1, (5,)), (3, 3, (1, 2, 3)), (2, 5, (1, 2))],
)
def test_checkpoints_are_evenly_spaced_and_the_last_is_the_end(
    steps: int, count: int, expected: tuple[int, ...]
) -> None:
    assert checkpoint_steps(steps, count) == expected


def test_cosine_warms_up_and_decays_to_a_tenth() -> None:
    found = rates("cosine", 100)
    assert found[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert all(before > after for before, after in pairwise(found[4:]))
    assert found[4 + 95 // 2] == pytest.approx(0.55, abs=0.01)  # halfway down the cosine
    assert found[-1] == pytest.approx(0.1)


def test_wsd_is_stable_and_then_falls_by_one_minus_the_root() -> None:
    found = rates("wsd", 100)
    assert found[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert set(found[4:80]) == {1.0}
    assert found[80:] == pytest.approx([1 - (step / 21) ** 0.5 for step in range(1, 21)])


def test_constant_stays_at_the_peak() -> None:
    assert set(rates("constant", 100)[4:]) == {1.0}


@pytest.mark.parametrize("schedule", ["cosine", "wsd", "constant"])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_rate_of_a_very_short_run_is_never_zero(schedule: ScheduleName, steps: int) -> None:
    assert all(0 < rate <= 1 for rate in rates(schedule, steps))


def test_the_key_names_what_decides_the_weights() -> None:
    key = run_key(SETTINGS, INPUTS)
    assert key == run_key(SETTINGS, INPUTS[::-1])
    others = [
        run_key(changed(seed=1), INPUTS),
        run_key(changed(learning_rate=1e-3), INPUTS),
        run_key(changed(threads=2), INPUTS),
        run_key(changed(schedule="wsd"), INPUTS),
        run_key(changed(accumulate=2), INPUTS),
        run_key(changed(precision="bfloat16"), INPUTS),
        run_key(changed(heldout_every=3), INPUTS),
        run_key(SETTINGS, ("plan", "other tokens")),
    ]
    assert len({key, *others}) == 9


def test_the_key_does_not_say_which_checkpoints_are_kept() -> None:
    assert run_key(changed(keep_last=1, keep_every=2), INPUTS) == run_key(SETTINGS, INPUTS)


def test_a_run_of_before_keeps_its_key() -> None:
    """Recorded with version 2 of the trainer, with none of the later settings: a lake's runs are found under it."""
    assert run_key(SETTINGS, INPUTS) == "057da22ea73200893daf"


def test_a_shape_of_ones_own_is_its_content_and_not_its_name() -> None:
    shape = own_recipe("tiny").model_copy(update={"hidden": 64})
    mine, yours = (run_key(changed(recipe=name, shape=shape), INPUTS) for name in ("mine", "yours"))
    assert mine == yours
    assert mine != run_key(changed(recipe="mine", shape=own_recipe("tiny")), INPUTS)
    assert mine != run_key(SETTINGS, INPUTS)


def test_the_held_out_loss_is_measured_ten_times_and_at_the_end() -> None:
    assert sorted(SETTINGS.heldout_steps()) == list(range(3, 31, 3))
    assert sorted(changed(heldout_every=8).heldout_steps()) == [8, 16, 24, 30]
    assert not changed(heldout_every=0).heldout_steps()


def test_rows_that_cannot_be_shared_out_are_refused() -> None:
    with pytest.raises(UsageError, match=r"batch_rows \(4\) must be a multiple of accumulate \(3\) times processes"):
        changed(accumulate=3)


def test_an_unknown_recipe_is_refused() -> None:
    values = SETTINGS.model_dump(exclude={"shape"}) | {"recipe": "huge"}
    with pytest.raises(UsageError, match="there is no recipe 'huge'"):
        RunSettings.parse(values, "train.json")


def test_a_shape_that_no_model_has_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("{hidden: 100, layers: 2, heads: 3, feed_forward: 64}", encoding="utf-8")
    with pytest.raises(UsageError, match=r"hidden \(100\) must be a multiple of twice the heads \(3\)"):
        Recipe.load(path)
