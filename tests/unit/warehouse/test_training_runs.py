"""Training runs, over and still running: how they stand, and curves that stay short however long the run is."""

import json
import os
import time
from pathlib import Path

import pyarrow as pa
import pytest

from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.schemas.tables import Losses
from gristmill.warehouse.build.publish import publish
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.training.curves import live_losses, live_speed, loss_curve
from gristmill.warehouse.queries.training.overlay import run_curves
from gristmill.warehouse.queries.training.runs import run_folder, saved_steps, training_runs
from gristmill.warehouse.queries.training.saved import checkpoint_answer
from tests.helpers.mixing_rows import live_run
from tests.helpers.small_lake import doc_id, put

STEPS = 100_000
SPIKE = 50_003
RUN, CHECKPOINT = doc_id("long"), doc_id("saved")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A run of 100,000 steps with a spike in its loss, two held-out domains and two checkpoints; what it took."""
    lake = Lake.open(tmp_path_factory.mktemp("runs") / "lake")
    steps = range(1, STEPS + 1)
    losses = pa.table(
        {
            "run": [RUN] * STEPS,
            "step": pa.array(steps, pa.int32()),
            "tokens": pa.array([1000 * step for step in steps], pa.int64()),
            "loss": [99.0 if step == SPIKE else 3.0 + 1 / step for step in steps],
            "learning_rate": [1e-3] * STEPS,
        }
    )
    run = {"run": RUN, "mixture": "web", "mixture_digest": "d", "recipe": "tiny", "launcher": "local"}
    run |= {"parameters": 5, "steps": STEPS, "tokens": 1000 * STEPS, "status": "succeeded"}
    saved = [
        {"run": RUN, "mixture": "web", "step": step, "tokens": 1000 * step, "first_row": 0, "end_row": step}
        | {"checkpoint": digest, "path": "data/files/x", "parameters": 5}
        for step, digest in ((50_000, CHECKPOINT), (STEPS, doc_id("last")))
    ]
    heldout = [
        {"run": RUN, "step": step, "domain": domain, "loss": loss + step / STEPS}
        for step in (40_000, STEPS)
        for domain, loss in (("code", 2.0), ("web", 4.0))
    ]
    tables = {
        "losses": (lake.write_table(Losses, "web", "0" * 16, losses.cast(Losses.schema)),),
        "runs": (put(lake, "runs", "web", [run]),),
        "checkpoints": (put(lake, "checkpoints", "web", saved),),
        "heldout_losses": (put(lake, "heldout_losses", "web", heldout),),
    }
    lake.commit(Dataset(kind="training", name="default", config={}, counts={}, tables=tables))
    cost = {"run": RUN, "mixture": "web", "recipe": "tiny", "launcher": "local", "device": "cuda", "processes": 4}
    cost |= {"attempts": 3, "preemptions": 2, "failures": 0, "tokens_per_second": 1e5, "mfu": 0.4}
    cost |= {"gpu_seconds": 400.0, "wasted_seconds": 10.0, "wasted_gpu_seconds": 40.0}
    lake.log_path("training_costs", f"{RUN}.json").write_text(json.dumps(cost), encoding="utf-8")
    publish(lake)
    return lake


@pytest.fixture(scope="module")
def warehouse(lake: Lake) -> Warehouse:
    return Warehouse.open(lake.root)


def test_a_run_has_its_mix_its_losses_and_what_it_took(warehouse: Warehouse) -> None:
    run = next(run for run in training_runs(warehouse) if run.run == RUN)
    assert (run.mix, run.mixture, run.state, run.live) == ("default", "web", "succeeded", False)
    assert (run.step, run.steps, run.checkpoints) == (STEPS, STEPS, 2)
    assert run.loss == pytest.approx(3.0 + 1 / STEPS)
    assert run.heldout == pytest.approx((3.0 + 5.0) / 2), "the mean of the domains at the last step"
    assert (run.preemptions, run.mfu, run.gpu_seconds, run.wasted_gpu_seconds) == (2, 0.4, 400.0, 40.0)


def test_a_long_curve_is_cut_down_and_keeps_its_extremes(warehouse: Warehouse) -> None:
    points = loss_curve(warehouse, RUN, points=200)
    assert len(points) == 200
    assert points[-1].step == STEPS
    assert points[-1].tokens == 1000 * STEPS
    spike = [point for point in points if point.high == 99.0]
    assert len(spike) == 1
    assert spike[0].low < 3.1 < spike[0].loss < 4, "the mean of 500 steps"
    assert [point.step for point in points] == sorted(point.step for point in points)
    logarithmic = loss_curve(warehouse, RUN, "log", 200)
    assert len(logarithmic) <= 200
    assert [point.step for point in logarithmic[:3]] == [1, 2, 3], "the beginning is not drawn together"
    assert loss_curve(warehouse, "no such run") == []


def test_a_run_that_goes_on_is_read_from_its_directory(lake: Lake, warehouse: Warehouse) -> None:
    folder = live_run(lake.root, "going", "web", "running", 300)
    run = training_runs(warehouse)[0]
    assert (run.run, run.state, run.live, run.mixture, run.recipe) == ("going", "running", True, "web", "tiny")
    assert (run.step, run.steps, run.tokens_per_second, run.preemptions) == (300, 1000, 51_200.0, 1)
    assert (run.device, run.processes, run.checkpoints) == ("cuda", 2, 1)
    curves = run_curves(warehouse, run)
    assert [point.step for point in curves.losses] == list(range(1, 301)), "a line half written is left out"
    assert curves.tokens_per_step == 2048
    assert [(point.step, point.domain) for point in curves.heldout] == [(100, "code")]
    assert len(curves.speed) == 19
    assert [(saved.step, saved.checkpoint) for saved in curves.checkpoints] == [(100, "")]
    assert len(live_losses(folder, "going", points=50)) == 50
    with (folder / "losses.jsonl").open("a", encoding="utf-8") as file:
        file.write('\n{"step": 301, "tokens": 1, "loss": NaN}\n{"step": 302, "tokens": 1, "loss": 3.5}\n')
    assert live_losses(folder, "going", points=5000)[-1].step == 302, "what is added is read"
    assert live_speed(folder / "gone", "going") == []


def test_another_trainer_is_read_from_what_it_prints(tmp_path: Path) -> None:
    root = Lake.open(tmp_path / "lake").root
    folder = live_run(root, "other", "web", "running", 10)
    for name in ("train.json", "losses.jsonl", "speed.jsonl", "heldout.jsonl"):
        (folder / name).unlink()
    told = {"name": "sft", "tokens_per_step": 100, "argv": ["x"]}
    (folder / "command.json").write_text(json.dumps(told), encoding="utf-8")
    pattern = r"^.*?(step: (?P<step>[\d,]+) loss: (?P<loss>\S+)(?: lr: (?P<learning_rate>\S+))?.*)$"
    (folder / "job.json").write_text(json.dumps({"progress_pattern": pattern}), encoding="utf-8")
    (folder / "log").mkdir()
    lines = ["starting", "step: 999 loss: 4.5", "step: 1,000 loss: nan", "step: 1,001 loss: 4.25 lr: 3e-4", "step: 1,0"]
    (folder / "log" / "attempt-1.out").write_text("\n".join(lines), encoding="utf-8")
    (run,) = training_runs(Warehouse.open(root))
    assert run.mixture == "sft"
    curves = run_curves(Warehouse.open(root), run)
    assert [(one.step, one.tokens, one.loss, one.learning_rate) for one in curves.losses] == [
        (999, 99_900, 4.5, None),
        (1001, 100_100, 4.25, 3e-4),
    ]
    (one,) = run_curves(Warehouse.open(root), run, points=1).losses
    assert (one.step, one.loss, one.low, one.high) == (1001, 4.375, 4.25, 4.5)
    (folder / "job.json").write_text('{"progress_pattern": "("}', encoding="utf-8")
    assert run_curves(Warehouse.open(root), run).losses == []


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({}, "running"),
        ({"stalled": True}, "stalled"),
        ({"heartbeat": time.time() - 3600}, "silent"),
        ({"state": "failed", "reason": "out of memory"}, "failed"),
        ({"state": "preempted"}, "preempted"),
    ],
)
def test_stalled_is_not_silent_and_preempted_is_not_failed(
    tmp_path: Path, status: dict[str, object], state: str
) -> None:
    root = Lake.open(tmp_path / "lake").root
    live_run(root, "one", "web", str(status.pop("state", "running")), 10, **status)
    (root / "log" / "training" / "two").mkdir()
    (root / "log" / "training" / "two" / "status.json").write_text("{", encoding="utf-8")
    (run,) = training_runs(Warehouse.open(root))
    assert run.state == state


def test_a_job_that_was_never_handed_over_is_not_queued(tmp_path: Path) -> None:
    root = Lake.open(tmp_path / "lake").root
    long_ago = time.time() - 3600
    for name in ("never", "waits", "new"):
        folder = root / "log" / "training" / name
        folder.mkdir(parents=True)
        (folder / "train.json").write_text("{}", encoding="utf-8")
        if name == "waits":
            (folder / "slurm.json").write_text("{}", encoding="utf-8")
        if name != "new":
            os.utime(folder, (long_ago, long_ago))
    states = {run.run: run.state for run in training_runs(Warehouse.open(root))}
    assert states == {"never": "not started", "waits": "queued", "new": "queued"}


def test_no_name_leads_out_of_the_runs(warehouse: Warehouse) -> None:
    for name in ("..", ".", "", "../..", "a/b", "no such run"):
        assert run_folder(warehouse, name) is None


def test_a_checkpoint_stands_in_its_run(warehouse: Warehouse) -> None:
    runs = [run for run in training_runs(warehouse) if run.run == RUN]
    assert [saved.step for saved in saved_steps(warehouse, runs)] == [50_000, STEPS]
    found = checkpoint_answer(warehouse, CHECKPOINT[:10])
    assert found is not None
    assert found.saved is not None
    assert (found.label, found.mix, found.saved.step) == ("web 50000", "default", 50_000)
    assert (found.heldout_step, found.heldout["web"]) == (40_000, pytest.approx(4.4)), "measured last before it"
    assert found.loss == pytest.approx(3.0 + 1 / 50_000)
    assert [one.step for one in found.siblings] == [50_000, STEPS]
    assert found.scores == []
    assert checkpoint_answer(warehouse, "") is None
    assert checkpoint_answer(warehouse, "zz") is None
