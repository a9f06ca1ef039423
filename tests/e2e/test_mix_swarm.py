"""A swarm by the command line: killed in the middle with its trainers, and run again, no trial runs twice."""

import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import yaml

from gristmill.core.lake import Lake
from tests.helpers.cli import Ended
from tests.helpers.small_lake import commit
from tests.helpers.training_inputs import curated_documents
from tests.helpers.warm import begun

pytest.importorskip("torch", reason="trials need torch (make installs it)")

BUDGET = {"steps": 400, "batch_rows": 4, "row_tokens": 17, "width": 16, "layers": 1, "heads": 2}
SETTINGS = {
    "target_tokens": 10_000,
    "vocabulary": 300,
    "heldout_share": 0.1,
    "mixtures": [
        {
            "name": "ours",
            "method": "swarm",
            "options": {
                "budget": BUDGET,
                "design": {"trials_per_domain": 1, "proportional_seeds": 2, "extreme_seeds": 0},
                "fit": {"bootstraps": 20, "permutations": 99},
            },
        }
    ],
}
TRIALS = 9
WAIT_SECONDS = 300.0


def outcomes(lake: Path) -> dict[str, int]:
    """When each finished trial wrote its outcome."""
    return {path.parent.name: path.stat().st_mtime_ns for path in (lake / "log" / "trials").glob("*/outcome.json")}


def kill_trainers(lake: Path) -> None:
    """End what works on trials of this lake, as a machine does that goes down."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any(word.startswith("gristmill.tasks.") for word in words) and str(lake) in words[-1]:
            process.kill()


def test_a_swarm_that_is_killed_goes_on(
    run: Callable[..., Ended], commands: Path, prefect_server: str, tmp_path: Path
) -> None:
    lake, settings = tmp_path / "lake", tmp_path / "mix.yaml"
    commit(Lake.open(lake), "curation", "test", {"curated": {"test": curated_documents().to_pylist()}})
    settings.write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
    words = ("mix", "--method", "swarm", "--config", str(settings), "--lake", str(lake), "--json")
    environment = {"PREFECT_API_URL": prefect_server}
    with tempfile.TemporaryFile() as err, begun(commands, words, environment, err, err) as running:
        deadline = time.monotonic() + WAIT_SECONDS
        while len(outcomes(lake)) < 3 and running.ended(0.01) is None:
            assert time.monotonic() < deadline, "no trial ended"
        os.killpg(running.process, signal.SIGKILL)
        running.ended(WAIT_SECONDS)
        kill_trainers(lake)
    before = outcomes(lake)
    assert 3 <= len(before) < TRIALS, "the kill came too late"

    ended = run(*words)
    assert ended.code == 0, ended.err
    after = outcomes(lake)
    assert len(after) == TRIALS
    assert {name: after[name] for name in before} == before, "a trial that was done ran again"
    told = ended.json()
    assert {row["trial"] for row in told["trials"]} == set(after)
    assert {row["mixture"] for row in told["mixtures"]} == {"ours"}
    assert {row["cap"] for row in told["mixture_caps"]} <= {4.0, 8.0, 16.0}
    assert any(row["name"] == "parameters" and row["warning"] for row in told["mixture_checks"])

    again = run(*words)
    assert again.json() == told
    assert outcomes(lake) == after
    count = "select count(distinct trial) n from trial_results join mixture_checks using (mixture) where name = 'rmse'"
    assert run("query", count, "--lake", str(lake), "--json").json() == [{"n": TRIALS}]
