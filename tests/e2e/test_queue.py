"""What serves submissions is killed in the middle of one: who serves next takes it up and asks nothing twice.

A Prefect server of its own, as only one process may serve a deployment of that name.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from gristmill.core.lake import Lake
from gristmill.evals.admission.checkpoint import admit
from gristmill.evals.generation.requests import requests_of
from gristmill.evals.suites.suite import load_suite
from gristmill.flows.prefect.deployments import accelerator
from gristmill.flows.prefect.server import stop_server
from gristmill.schemas.submission import Submission
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.submissions import State
from tests.helpers.cli import GRISTMILL
from tests.helpers.tiny_checkpoint import make_checkpoint

SUITE = "gristmill-reading"
WITHIN = 480.0


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Path]:
    root = Lake.open(tmp_path / "lake").root
    yield root
    stop_server(root)


def serve(lake: Path) -> "subprocess.Popen[bytes]":
    """Start to serve, on a Prefect server that belongs to the lake."""
    with (lake.parent / "serve.log").open("ab") as log:
        return subprocess.Popen(
            [GRISTMILL, "serve", "--lake", str(lake)],
            env={key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def kill(process: "subprocess.Popen[bytes]", flow_run: str) -> None:
    """SIGKILL to the one who serves first, so that nobody can tell Prefect, then to the processes of the flow run."""
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    for child in family:
        try:
            if any(flow_run in value for value in child.environ().values()):
                child.kill()
                child.wait(120)
        except psutil.NoSuchProcess:
            continue


def until(what: Callable[[], bool], lake: Path) -> None:
    deadline = time.monotonic() + WITHIN
    while not what():
        assert time.monotonic() < deadline, (lake.parent / "serve.log").read_text(encoding="utf-8")[-3000:]
        time.sleep(0.02)


def segments(lake: Path) -> dict[Path, bytes]:
    """The files of stored responses, up to the end of their last whole line."""
    found = {path: path.read_bytes() for path in (lake / "responses").rglob("*.jsonl")}
    return {path: data[: data.rfind(b"\n") + 1] for path, data in found.items() if b"\n" in data}


def keys(data: bytes) -> list[str]:
    return [json.loads(line)["key"] for line in data.splitlines()]


def test_a_killed_machine_costs_no_answer_and_no_score(lake: Path, tmp_path: Path) -> None:
    checkpoint = make_checkpoint(tmp_path / "model", width=96, layers=4)
    state = State(lake)
    stored = state.submit(Submission(checkpoint=str(checkpoint), suites=[SUITE]), "test")

    def status() -> str:
        found = state.submission(stored.id)
        assert found is not None
        return found.status

    first = serve(lake)
    try:
        until(lambda: bool(segments(lake)), lake)
        found = state.submission(stored.id)
        assert found is not None
        assert found.flow_run is not None
        kill(first, found.flow_run)
    finally:
        first.kill()
    assert status() == "running"  # nobody was left to say otherwise
    before = segments(lake)
    answered = {key for data in before.values() for key in keys(data)}
    asked = {request.key for request in requests_of(load_suite(SUITE, ()))}
    assert 0 < len(answered) < len(asked)

    second = serve(lake)
    try:
        until(lambda: status() in ("succeeded", "failed"), lake)
    finally:
        second.terminate()
        second.wait(120)
    ended = state.submission(stored.id)
    assert ended is not None
    assert (ended.status, ended.error, ended.flow_run) == ("succeeded", None, found.flow_run)
    after = segments(lake)
    assert {path: after[path] for path in before} == before
    requests = [key for data in after.values() for key in keys(data)]
    assert len(requests) == len(asked)  # as many were asked as there are: none of them twice
    assert set(requests) == asked
    sql = (
        "SELECT requests, scored, generated, truncated, seconds > 0 AS timed, failures FROM eval_runs "
        "JOIN asking_costs USING (checkpoint, suite, suite_digest, backend) JOIN scores USING (checkpoint, suite) "
        "WHERE headline AND checkpoint = ?"
    )
    (row,) = Warehouse.open(lake).query(sql, [admit(checkpoint).digest])
    assert row.pop("scored") >= len(asked)
    assert row == {"requests": len(asked), "generated": 0, "truncated": None, "timed": True, "failures": 0}


def test_evaluations_wait_for_the_accelerator_that_is_there(tmp_path: Path) -> None:
    assert accelerator(tmp_path) == "cpu"
    (tmp_path / "nvidiactl").touch()
    assert accelerator(tmp_path) == "cpu"
    (tmp_path / "nvidia0").touch()
    assert accelerator(tmp_path) == "cuda"
