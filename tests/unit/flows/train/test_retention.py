"""Old checkpoints go, and those with scores stay."""

from pathlib import Path

import pytest

from gristmill.core.lake import Lake
from gristmill.evals.admission.checkpoint import admit
from gristmill.flows.train.retention import prune, scored_in, surplus
from tests.helpers.small_lake import commit
from tests.helpers.tiny_checkpoint import make_checkpoint


@pytest.mark.parametrize(
    ("last", "every", "gone"),
    [
        (0, 0, []),
        (1, 0, [10, 20, 30, 40, 50]),
        (2, 0, [10, 20, 30, 40]),
        (9, 0, []),
        (1, 2, [10, 30, 50]),
        (0, 3, [10, 20, 40, 50]),
        (0, 4, [10, 20, 30, 50]),  # the newest stays whatever the count
        (1, 1, []),
    ],
)
def test_the_last_and_every_nth_are_kept(last: int, every: int, gone: list[int]) -> None:
    assert surplus([10, 20, 30, 40, 50, 60], last, every) == gone
    assert surplus([], last, every) == []


def test_one_with_scores_is_never_deleted(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    folders = {step: make_checkpoint(tmp_path / f"step-{step}", seed=step) for step in (1, 2, 3)}
    states = {step: tmp_path / f"state-{step}" for step in folders}
    for state in states.values():
        state.touch()
    commit(lake, "evaluation", "one", {"scores": {"all": [{"checkpoint": admit(folders[1]).digest, "suite": "a"}]}})
    asked: list[int] = []

    def scored() -> frozenset[str]:
        asked.append(1)
        return scored_in(lake)

    def again(saved: list[int]) -> list[int]:
        prune(saved, 1, 0, folders.__getitem__, states.__getitem__, scored)
        return [step for step, folder in folders.items() if folder.is_dir()]

    assert again([1]) == [1, 2, 3]
    assert not asked  # nothing is looked up before something is to be deleted
    assert again([1, 2, 3]) == [1, 3]
    assert [step for step, state in states.items() if state.exists()] == [3]
    assert again([1, 2, 3]) == [1, 3]
