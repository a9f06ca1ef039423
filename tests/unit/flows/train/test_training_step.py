"""What the step of training leaves beside weights: tables of losses, and the cost of a run in the log."""

import sys
from pathlib import Path, PurePosixPath

import pytest

from gristmill.core.lake import Lake
from gristmill.core.steps.files import JobName
from gristmill.flows.train.jobs import module_job
from gristmill.flows.train.steps import write_cost
from gristmill.tasks.launch.job import Status
from gristmill.tasks.launch.progress import read_progress
from gristmill.warehouse.build.publish import publish
from gristmill.warehouse.connection import Warehouse


def test_what_a_run_took_can_be_asked_of_the_warehouse(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    name = JobName("uniform", "abc", PurePosixPath("data"))
    status = Status(state="succeeded", attempt=3, preemptions=2, tokens_per_second=5e5, mfu=0.41, gpu_seconds=720)
    write_cost(lake, name, "tiny", "cuda", 2, "slurm", status)
    publish(lake)
    asked = "SELECT run, device, processes, attempts, preemptions, mfu, gpu_seconds FROM training_costs"
    assert Warehouse.open(lake.root).query(asked) == [
        {
            "run": "abc",
            "device": "cuda",
            "processes": 2,
            "attempts": 3,
            "preemptions": 2,
            "mfu": 0.41,
            "gpu_seconds": 720.0,
        }
    ]


def test_several_processes_are_started_by_torchrun_and_one_is_not(tmp_path: Path) -> None:
    alone = module_job("a", "trainer", tmp_path)
    assert alone.argv == (sys.executable, "-P", "-u", "-m", "trainer", str(tmp_path))
    four = module_job("a", "trainer", tmp_path, processes=4, gpus=4, flops_per_token=9.0)
    assert four.argv[4:] == (
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "4",
        "-m",
        "trainer",
        str(tmp_path),
    )
    assert (four.gpus, four.flops_per_token) == (4, 9.0)
    assert "CUBLAS_WORKSPACE_CONFIG" in four.environment
    assert "CUBLAS_WORKSPACE_CONFIG" not in alone.environment


def test_the_trainers_line_tells_its_speed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("step 5 of 30 loss 5.123 tokens 2600 at 6,012 tokens/s\nheld-out loss after step 5: code 5.0\n")
    found = read_progress(log, module_job("a", "trainer", tmp_path).progress_pattern)
    assert (found.step, found.steps, found.loss, found.tokens) == (5, 30, 5.123, 2600)
    assert found.tokens_per_second == pytest.approx(6012)
