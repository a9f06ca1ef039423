"""An experiment by the command line: killed with its trainers, and run again, no job runs twice; then effects."""

import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from gristmill.core.lake import Lake
from gristmill.tasks.lineage.seen import summarise
from gristmill.tasks.lineage.trained import trained_in
from tests.e2e.test_mix_swarm import kill_trainers
from tests.helpers.cli import Ended
from tests.helpers.small_lake import commit
from tests.helpers.training_inputs import curated_documents
from tests.helpers.warm import begun

pytest.importorskip("torch", reason="training needs torch (make installs it)")

EXPERIMENT = {
    "question": "Does reading code cost prose?",
    "target_tokens": 10_000,
    "row_tokens": 33,
    "vocabulary": 300,
    "heldout_share": 0.2,
    "max_epochs": 20,
    "seeds": 3,
    "arms": {"without-code": {"leave_out": [{"domain": "code"}]}},
    "outcomes": [
        {"subset": "prose", "primary": True, "smallest": 0.05, "predicted": {"without-code": "down"}},
        {"subset": "code"},
    ],
    "train": {"batch_rows": 8, "heldout_every": 0},
}
RUNS = 6
WAIT_SECONDS = 300.0


def finished(lake: Path) -> dict[str, int]:
    """When the last checkpoint of each run was written."""
    found = (lake / "log" / "training").glob("*/checkpoints/step-*/checkpoint.json")
    return {path.parents[2].name: path.stat().st_mtime_ns for path in found}


def test_an_experiment_that_is_killed_goes_on_and_says_what_moved(
    run: Callable[..., Ended], commands: Path, prefect_server: str, tmp_path: Path
) -> None:
    lake, file = tmp_path / "lake", tmp_path / "code.yaml"
    commit(Lake.open(lake), "curation", "test", {"curated": {"test": curated_documents().to_pylist()}})
    file.write_text(yaml.safe_dump(EXPERIMENT), encoding="utf-8")
    planned = run("experiment", "plan", str(file), "--lake", str(lake))
    assert "2 data sets (the control and 1 arms) x 3 seeds = 6 jobs of 38 steps" in " ".join(planned.out.split())
    words = ("experiment", "run", str(file), "--lake", str(lake), "--json")
    with tempfile.TemporaryFile() as err, begun(commands, words, {"PREFECT_API_URL": prefect_server}, err, err) as ours:
        deadline = time.monotonic() + WAIT_SECONDS
        while not finished(lake) and ours.ended(0.01) is None:
            assert time.monotonic() < deadline, "no run ended"
        os.killpg(ours.process, signal.SIGKILL)
        ours.ended(WAIT_SECONDS)
        kill_trainers(lake)
    before = finished(lake)
    registered = (lake / "experiments" / "code.json").read_bytes()

    ended = run(*words)
    assert ended.code == 0, ended.err
    after = finished(lake)
    assert len(after) == RUNS
    assert {key: after[key] for key in before} == before, "a job that was done ran again"
    assert (lake / "experiments" / "code.json").read_bytes() == registered
    told = ended.json()
    cells = {row["outcome"]: row for row in told["effects"]}
    assert cells["heldout/code"]["effect"] > 0.5, "a model that never read code needs more bits for it"
    assert cells["heldout/prose"]["effect"] < 0, "and has read more prose"
    assert (cells["heldout/prose"]["primary"], cells["heldout/code"]["primary"]) == (True, False)
    assert {row["seed"] for row in told["seed_effects"]} == {0, 1, 2}

    reported = run("experiment", "report", "code", "--lake", str(lake))
    assert "Does reading code cost prose?" in reported.out
    assert "moved up (worse)" in " ".join(reported.out.split())
    counted = "select count(*) n from effects"
    assert run("query", counted, "--lake", str(lake), "--json").json() == [{"n": 2}]
    # What an arm's checkpoint saw can be asked for, gaps and all.
    home = Lake.open(lake)
    seen = {entry.mixture: summarise(entry, home, 1, None) for entry in trained_in("experiment.code", home)}
    assert seen["control@0"].whole.tokens_read == seen["without-code@0"].whole.tokens_read
    read = {name for name, total in seen["without-code@0"].domains.items() if total.tokens_read}
    assert read == {"prose=3"}
