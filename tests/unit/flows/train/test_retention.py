"""Old checkpoints go, and those with scores stay."""

import json
import shutil
from pathlib import Path, PurePosixPath

import pytest

from gristmill.core.errors import GristmillError
from gristmill.core.lake import Lake
from gristmill.core.steps.files import JobName
from gristmill.evals.admission.checkpoint import admit
from gristmill.flows.train.retention import prune, scored_in, surplus
from gristmill.flows.train.steps import WRITES, collect
from gristmill.schemas.tables import Checkpoints
from gristmill.tasks.mix.apportion import UNIT
from gristmill.tasks.mix.plan import Plan, PlanDomain, PlanStage
from gristmill.tasks.train.recipe import RunSettings
from gristmill.tasks.train.run_files import checkpoint_path
from tests.helpers.small_lake import commit
from tests.helpers.tiny_checkpoint import make_checkpoint

PLAN = Plan(
    mixture="m",
    domains=(PlanDomain(name="web", rows=120, fingerprint="f"),),
    stages=(PlanStage(end_row=120, weights=(UNIT,)),),
    row_tokens=9,
    block=8,
    seed=0,
)


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
    for folder in folders.values():
        (folder / "checkpoint.json").touch()
    states = {step: tmp_path / f"state-{step}" for step in folders}
    for state in states.values():
        state.touch()
    commit(lake, "evaluation", "one", {"scores": {"all": [{"checkpoint": admit(folders[1]).digest, "suite": "a"}]}})
    asked: list[int] = []
    digests: dict[int, str] = {}

    def scored() -> frozenset[str]:
        asked.append(1)
        return scored_in(lake)

    def again(saved: list[int]) -> list[int]:
        prune(saved, 1, 0, folders.__getitem__, states.__getitem__, scored, digests)
        return [step for step, folder in folders.items() if folder.is_dir()]

    assert again([1]) == [1, 2, 3]
    assert not asked  # nothing is looked up before something is to be deleted
    assert again([1, 2, 3]) == [1, 3]
    assert [step for step, state in states.items() if state.exists()] == [3]
    assert again([1, 2, 3]) == [1, 3]


def marked(folder: Path) -> Path:
    """A folder that looks like a checkpoint, and cannot be admitted."""
    folder.mkdir()
    (folder / "checkpoint.json").touch()
    return folder


def test_what_other_flows_delete_or_leave_half_deleted_stops_nothing(tmp_path: Path) -> None:
    half, raced, unfit, known, newest = (tmp_path / f"step-{step}" for step in range(1, 6))
    half.mkdir()
    for folder in (raced, unfit, known, newest):
        marked(folder)
    left = marked(tmp_path / "step-1.deleted")
    digests = {4: "remembered"}

    def scored() -> frozenset[str]:
        shutil.rmtree(raced)  # as another flow would, between the look and the reading
        return frozenset({"remembered"})

    places = (lambda step: tmp_path / f"step-{step}", lambda step: tmp_path / f"state-{step}")
    prune([1, 2, 3, 4, 5], 1, 0, *places, scored, digests)
    assert not half.exists()
    assert not left.exists()
    assert (unfit.is_dir(), known.is_dir(), newest.is_dir()) == (True, True, True)  # known by a digest read before
    digests[4] = "without scores"
    prune([1, 2, 3, 4, 5], 1, 0, *places, scored=frozenset, digests=digests)
    assert not known.exists()


def test_a_checkpoint_that_another_flow_deleted_is_left_out_and_the_last_is_needed(tmp_path: Path) -> None:
    values = {"recipe": "tiny", "steps": 30, "batch_rows": 4, "learning_rate": 3e-3, "seed": 0}
    settings = RunSettings.parse(values | {"checkpoint_steps": (10, 20, 30), "keep_last": 0}, "train.json")
    name = JobName("uniform", "key", PurePosixPath("data"))
    last = make_checkpoint(checkpoint_path(tmp_path, 30))
    facts = {"step": 30, "tokens": 90, "first_row": 0, "end_row": 120}
    (last / "checkpoint.json").write_text(json.dumps(facts), encoding="utf-8")
    checkpoint_path(tmp_path, 20).mkdir()
    written = collect(name, tmp_path, settings, PLAN, "local", tmp_path / "out")
    rows = written.tables[WRITES.index(Checkpoints)].to_pylist()
    assert [row["step"] for row in rows] == [30]

    marked(checkpoint_path(tmp_path, 10))  # one to be kept has to be sound
    with pytest.raises(GristmillError, match="step-000010"):
        collect(name, tmp_path, settings, PLAN, "local", tmp_path / "again")
    fewer = settings.model_copy(update={"keep_last": 1})
    collect(name, tmp_path, fewer, PLAN, "local", tmp_path / "fewer")
    shutil.rmtree(last)
    with pytest.raises(GristmillError, match="step-000030"):
        collect(name, tmp_path, fewer, PLAN, "local", tmp_path / "none")
