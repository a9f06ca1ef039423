"""``gristmill serve`` and what is handed in: the deployments, their run forms, and the way of a submission.

One process serves for the whole module, against the Prefect server that all end-to-end tests share.
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
import yaml
from fastapi.testclient import TestClient
from prefect.context import refresh_global_settings_context
from safetensors.numpy import load_file, save_file

from gristmill.core.lake import Lake
from gristmill.dashboards.app import api_app
from gristmill.dashboards.services import Intake, Services
from gristmill.flows.evaluate.submitting import problems, submitter
from gristmill.flows.prefect.deployments import accelerator
from gristmill.schemas.submission import StoredSubmission, Submission
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.submissions import State
from tests.helpers.cli import GRISTMILL, Ended, gristmill
from tests.helpers.prefect_api import prefect_api
from tests.helpers.tiny_checkpoint import make_checkpoint

CRON = "17 3 * * *"
SUITE = "gristmill-reading"
RUNS_WITHIN = 480.0


@dataclass(frozen=True)
class Serving:
    """A lake, the process that serves its deployments, and where to ask about them."""

    lake: Path
    process: psutil.Process
    api: str
    client: httpx.Client
    log: Path
    early: StoredSubmission
    lost: StoredSubmission

    @property
    def state(self) -> State:
        return State(self.lake)

    def deployment(self, name: str) -> dict[str, Any]:
        flow, _, deployment = name.partition("/")
        answer = self.client.get(f"/deployments/name/{flow}/{deployment}")
        assert answer.status_code == httpx.codes.OK, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def start_run(self, name: str, parameters: dict[str, Any], **more: object) -> httpx.Response:
        """Ask for a run of a deployment as the run form does."""
        deployment = self.deployment(name)
        body = {"parameters": deployment["parameters"] | parameters, **more}
        return self.client.post(f"/deployments/{deployment['id']}/create_flow_run", json=body)

    def until(self, flow_run: str, *names: str) -> None:
        """Wait until a flow run is in a state of one of these names."""
        deadline = time.monotonic() + RUNS_WITHIN
        while (state := self.client.get(f"/flow_runs/{flow_run}").json()["state"]["name"]) not in names:
            assert time.monotonic() < deadline, f"{state}; {self.log.read_text(encoding='utf-8')[-2000:]}"
            time.sleep(0.1)

    def states(self, flow_run: str) -> list[tuple[str, str]]:
        """The states that a flow run was in, each with when it began."""
        answer = self.client.get("/flow_run_states/", params={"flow_run_id": flow_run})
        return sorted((str(state["timestamp"]), str(state["name"])) for state in answer.json())

    def running(self, flow_run: str) -> list[tuple[str, str]]:
        """When a flow run ran, from and to, once for each of its processes."""
        pairs = pairwise(self.states(flow_run))
        return [(begun, ended) for (begun, name), (ended, _) in pairs if name == "Running"]

    @contextmanager
    def accelerator_taken(self) -> Iterator[None]:
        """Somebody else has the only place on the accelerator, once nothing that was handed in before holds it."""
        body = {"names": [f"accelerator:{accelerator()}"], "slots": 1, "mode": "concurrency"}
        deadline = time.monotonic() + RUNS_WITHIN
        while self.client.post("/v2/concurrency_limits/increment", json=body).status_code != httpx.codes.OK:
            assert time.monotonic() < deadline, self.log.read_text(encoding="utf-8")[-2000:]
            time.sleep(0.2)
        yield
        self.client.post("/v2/concurrency_limits/decrement", json=body).raise_for_status()


def wait_for(serving: Serving, id: str, *statuses: str) -> tuple[StoredSubmission, list[str]]:
    """Wait until a submission has one of ``statuses``; gives it, and every status that was seen on the way."""
    seen: list[str] = []
    deadline = time.monotonic() + RUNS_WITHIN
    while time.monotonic() < deadline:
        found = serving.state.submission(id)
        assert found is not None
        if not seen or seen[-1] != found.status:
            seen.append(found.status)
        if found.status in statuses:
            return found, seen
        time.sleep(0.05)
    pytest.fail(f"after {RUNS_WITHIN:.0f} s only {seen}; {serving.log.read_text(encoding='utf-8')[-2000:]}")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny-step-10")


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a run that diverged."""
    folder = make_checkpoint(tmp_path_factory.mktemp("broken") / "diverged")
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"] = np.full_like(weights["model.norm.weight"], np.nan)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture
def environment(prefect_server: str) -> Iterator[None]:
    """This process talks to the shared server as ``gristmill dashboard`` would, and forgets it afterwards."""
    before = dict(os.environ)
    os.environ["PREFECT_API_URL"] = prefect_server
    yield
    os.environ.clear()
    os.environ.update(before)
    refresh_global_settings_context()


@pytest.fixture(scope="module")
def serving(
    prefect_server: str, checkpoint: Path, broken: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    """A served lake, in which one submission was handed in before, and one was running when its flow run got lost."""
    base = tmp_path_factory.mktemp("serving")
    (base / "crawl.txt").write_text("A page.\n", encoding="utf-8")
    config = {"curate": {"source": "test", "inputs": ["crawl.txt"]}, "schedule": CRON}
    (base / "nightly.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    lake = Lake.open(base / "lake").root
    state = State(lake)
    submission = Submission(checkpoint=str(checkpoint), suites=[SUITE])
    early = state.submit(submission.model_copy(update={"checkpoint": str(broken)}), "test")
    lost = state.submit(submission.model_copy(update={"label": "lost"}), "test")
    state.update(lost.id, "running", flow_run="01999999-0000-7000-8000-000000000000")
    log = base / "serve.log"
    with log.open("wb") as output:
        words = ["serve", "--lake", str(lake), "--config", str(base / "nightly.yaml")]
        process = subprocess.Popen(
            [GRISTMILL, *words],
            env=os.environ | {"PREFECT_API_URL": prefect_server},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=base,
            start_new_session=True,
        )
    served = Serving(lake, psutil.Process(process.pid), prefect_server, prefect_api(prefect_server), log, early, lost)
    try:
        wait_until_served(served, process)
        yield served
        last = stop_in_the_middle(served, checkpoint)
    finally:
        family = [served.process, *served.process.children(recursive=True)] if process.poll() is None else []
        process.terminate()
        try:
            code = process.wait(120)
        finally:
            left = [entry for entry in family if entry.is_running() and entry.status() != psutil.STATUS_ZOMBIE]
            for entry in left:
                entry.kill()
    said = log.read_text(encoding="utf-8")
    assert left == [], f"serve left processes behind: {said}"
    assert (code, "Traceback" in said, "Warning" in said) == (0, False, False), said
    assert "stopped serving" in said
    found = state.submission(last)
    assert found is not None
    assert (found.status, found.error) == ("queued", "its process died, attempt 1 of 3: it goes on.")


def stop_in_the_middle(serving: Serving, checkpoint: Path) -> str:
    """Hand in a checkpoint and come back when it is evaluated: that is when the one who serves is stopped."""
    ended = gristmill(
        "submit",
        str(checkpoint),
        "--suite",
        "gristmill-mathematics",
        "--lake",
        str(serving.lake),
        "--json",
        environment={"PREFECT_API_URL": serving.api},
    )
    assert ended.code == 0, ended.err
    id = str(ended.json()["id"])
    wait_for(serving, id, "running")
    deadline = time.monotonic() + RUNS_WITHIN
    while not any('"running"' in path.read_text() for path in (serving.lake / "log" / "runs").glob("*.json")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return id


def wait_until_served(serving: Serving, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 120
    while "serving pipeline/scheduled" not in serving.log.read_text(encoding="utf-8"):
        assert process.poll() is None, serving.log.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, serving.log.read_text(encoding="utf-8")
        time.sleep(0.1)


def test_the_pipeline_is_on_its_schedule_and_evaluate_on_demand(serving: Serving) -> None:
    names = {"name": {"any_": ["scheduled", "on-demand"]}}
    found = serving.client.post("/deployments/filter", json={"deployments": names}).json()
    assert sorted(entry["name"] for entry in found) == ["on-demand", "scheduled"]
    pipeline, evaluate = serving.deployment("pipeline/scheduled"), serving.deployment("evaluate/on-demand")
    assert [schedule["schedule"]["cron"] for schedule in pipeline["schedules"]] == [CRON]
    assert pipeline["schedules"][0]["active"]
    assert pipeline["paused"] is evaluate["paused"] is False
    assert pipeline["parameters"]["settings"]["curate"]["inputs"] == [str(serving.log.parent / "crawl.txt")]
    assert (evaluate["schedules"], evaluate["enforce_parameter_schema"]) == ([], True)
    assert {entry["global_concurrency_limit"]["limit"] for entry in (pipeline, evaluate)} == {1}
    assert evaluate["global_concurrency_limit"]["name"] == f"accelerator:{accelerator()}"
    assert pipeline["global_concurrency_limit"]["name"] == f"deployment:{pipeline['id']}"


def test_the_run_form_describes_every_field(serving: Serving) -> None:
    """What the form draws: each parameter, and each field of the models behind them, has words beside it."""
    for name in ("pipeline/scheduled", "evaluate/on-demand"):
        schema = serving.deployment(name)["parameter_openapi_schema"]
        fields = {f"{name}.{key}": value for key, value in schema["properties"].items()}
        for model, definition in schema["definitions"].items():
            fields |= {f"{model}.{key}": value for key, value in definition.get("properties", {}).items()}
        assert [key for key, value in fields.items() if not described(value, schema["definitions"])] == []
    submission = serving.deployment("evaluate/on-demand")["parameter_openapi_schema"]["definitions"]["Submission"]
    assert submission["properties"]["checkpoint"]["title"] == "Checkpoint folder"
    assert submission["properties"]["suites"]["minItems"] == 1


def described(field: dict[str, Any], definitions: dict[str, Any]) -> bool:
    """Whether a field has a description of its own, or is of a model that has one."""
    model = definitions.get(str(field.get("$ref")).rpartition("/")[2], {})
    return bool(field.get("description") or model.get("description"))


@pytest.mark.parametrize(
    ("deployment", "parameters", "reason"),
    [
        ("evaluate/on-demand", {"submission": {"checkpoint": "/x", "suites": []}}, "suites"),
        ("evaluate/on-demand", {"submission": {"checkpoint": 7, "suites": [SUITE]}}, "7 is not of type 'string'"),
        ("evaluate/on-demand", {"submission": {"checkpoint": "/x", "suites": [SUITE], "lable": "y"}}, "lable"),
        ("evaluate/on-demand", {"lake": ""}, "lake"),
        ("pipeline/scheduled", {"settings": {"curate": {"source": "a", "inputs": []}}}, "inputs"),
        (
            "pipeline/scheduled",
            {"settings": {"curate": {"source": "a", "inputs": ["b"]}, "train": {"recipe": "huge"}}},
            "'huge' does not match",
        ),
    ],
)
def test_the_server_refuses_wrong_parameters(
    serving: Serving, deployment: str, parameters: dict[str, Any], reason: str
) -> None:
    answer = serving.start_run(deployment, parameters)
    assert answer.status_code in (httpx.codes.CONFLICT, httpx.codes.UNPROCESSABLE_ENTITY), answer.text
    assert reason in answer.text


def test_the_server_takes_right_parameters(serving: Serving) -> None:
    """Put off to a far day, so that nothing starts."""
    later = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2099-01-01T00:00:00Z"}}
    settings = {"curate": {"source": "a", "inputs": ["b"]}, "train": {"recipe": "tiny", "checkpoints": 2}}
    answer = serving.start_run("pipeline/scheduled", {"settings": settings}, state=later)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    assert answer.json()["parameters"]["settings"] == settings
    serving.client.delete(f"/flow_runs/{answer.json()['id']}")


def test_submissions_wait_for_each_other_and_a_killed_run_is_taken_up_again(
    serving: Serving, checkpoint: Path, run: Callable[..., Ended], environment: None
) -> None:
    """Two of one checkpoint, by the command line and by the REST API, both handed in before either can run; the process
    of the second is killed."""
    with serving.accelerator_taken():
        ended = run(
            "submit", str(checkpoint), "--suite", SUITE, "--dtype", "bfloat16", "--lake", str(serving.lake), "--json"
        )
        assert ended.code == 0, ended.err
        first = StoredSubmission.model_validate(ended.json())
        assert (first.status, first.error) == ("queued", None)
        assert first.flow_run is not None
        second = hand_in_by_api(serving, checkpoint)
        flow_run = str(second.flow_run)
        for waiting in (first.flow_run, flow_run):
            serving.until(waiting, "AwaitingConcurrencySlot")

    wait_for(serving, second.id, "running")
    victims = [child for child in serving.process.children(recursive=True) if flow_run in settings_of(child)]
    assert victims, [child.cmdline() for child in serving.process.children(recursive=True)]
    for victim in victims:
        victim.kill()
    found, seen = wait_for(serving, second.id, "failed", "succeeded")
    assert (found.status, found.error, found.flow_run) == ("succeeded", None, flow_run)
    assert seen[:2] == ["running", "queued"]
    stored, _ = wait_for(serving, first.id, "succeeded", "failed")
    assert (stored.status, stored.error, stored.flow_run) == ("succeeded", None, first.flow_run)
    for ended_run, processes in ((first.flow_run, 1), (flow_run, 2)):
        serving.until(ended_run, "Completed")  # a submission is closed first, then its flow run
        assert serving.client.get(f"/flow_runs/{ended_run}").json()["run_count"] == processes
    ((begun, over),) = serving.running(first.flow_run)
    assert all(end <= begun or over <= start for start, end in serving.running(flow_run)), "they ran side by side"

    sql = "SELECT e.label, e.backend, s.suite, s.metric, s.low <= s.value AND s.value <= s.high AS inside, s.n "
    sql += "FROM scores s JOIN eval_runs e USING (checkpoint, suite) WHERE s.headline"
    asked = run("query", sql, "--lake", str(serving.lake), "--json")
    assert asked.code == 0, asked.err
    (score,) = asked.json()
    assert (score["suite"], score["inside"]) == (SUITE, True)
    assert "bfloat16" in score["backend"]
    assert score["n"] >= 40


def hand_in_by_api(serving: Serving, checkpoint: Path) -> StoredSubmission:
    """A submission through the REST API, whose synchronous endpoint runs in a worker thread of the application."""
    start = submitter(serving.lake)
    intake = Intake(suites=(SUITE,), check=problems, on_submit=start)
    client = TestClient(api_app(Services(Warehouse.open(serving.lake), serving.state, intake)))
    body = {"checkpoint": str(checkpoint), "suites": [SUITE], "backend": {"dtype": "bfloat16"}}
    refused = client.post("/api/submissions", json=body | {"suites": ["gristmill-readin"]})
    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert 'did you mean \\"gristmill-reading\\"?' in refused.text

    answer = client.post("/api/submissions", json=body)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    stored = StoredSubmission.model_validate(answer.json())
    assert stored.flow_run is not None, stored.error
    assert start(stored) == stored.flow_run  # handed over twice, it is run once
    return stored


def test_what_was_queued_before_is_handed_over_and_fails_with_the_reason(serving: Serving) -> None:
    """Nobody could start it when it was handed in; its weights are not finite, so it is not admitted."""
    early, _ = wait_for(serving, serving.early.id, "succeeded", "failed")
    assert early.status == "failed"
    assert early.flow_run is not None
    assert early.error is not None
    assert "model.norm.weight has a number that is not finite" in early.error


def test_a_submission_whose_run_got_lost_is_closed(serving: Serving) -> None:
    lost, _ = wait_for(serving, serving.lost.id, "failed")
    assert lost.error == "the run that evaluated it is gone. Hand it in again."


def settings_of(process: psutil.Process) -> str:
    """The values of a process's environment, as one text; empty when it has just ended."""
    try:
        return "\n".join(process.environ().values())
    except psutil.NoSuchProcess:
        return ""


def test_without_anything_that_serves_it_a_submission_waits_and_says_so(checkpoint: Path, tmp_path: Path) -> None:
    """No server is started only to find that nothing listens."""
    lake = tmp_path / "lake"
    ended = subprocess.run(
        [GRISTMILL, "submit", str(checkpoint), "--suite", SUITE, "--lake", str(lake)],
        env={key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert f"It waits: nothing evaluates submissions yet. Start it: gristmill serve --lake {lake}" in ended.stdout
    (stored,) = State(lake).submissions()
    assert (stored.status, stored.flow_run) == ("queued", None)
    assert not (lake / "prefect" / "server.json").exists()


def test_an_unknown_suite_is_refused_before_it_is_stored(
    checkpoint: Path, tmp_path: Path, run: Callable[..., Ended]
) -> None:
    ended = run("submit", str(checkpoint), "--suite", "gristmill-redaing", "--lake", str(tmp_path / "lake"))
    assert ended.code == 2
    assert 'did you mean "gristmill-reading"?' in ended.err
    assert State(tmp_path / "lake").submissions() == []
