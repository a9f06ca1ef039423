"""The launcher and the official client against an API server on loopback (tests/helpers/kubernetes.py)."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.flows.train.jobs import follow
from gristmill.flows.train.launchers import LaunchSettings, launcher_of
from gristmill.tasks.launch.job import ENDED, Handle, Job, State, Status, read_status
from gristmill.tasks.launch.kubernetes_spec import KubernetesConfig

pytest.importorskip("kubernetes")

from gristmill.tasks.launch.kubernetes import KubernetesLauncher
from tests.helpers.kubernetes import FakeKubernetes, fake_kubernetes

# Saves a checkpoint at its first start and waits to be stopped; goes on and ends at the next.
RESUMING = """
import os, time
again = os.path.exists("checkpoints/a/checkpoint.json")
os.makedirs("checkpoints/a", exist_ok=True)
open("checkpoints/a/checkpoint.json", "w")
print("step 2 of 2" if again else "step 1 of 2", flush=True)
time.sleep(0 if again else 600)
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[FakeKubernetes]:
    with fake_kubernetes(tmp_path) as found:
        yield found


@pytest.fixture
def api(cluster: FakeKubernetes) -> FakeKubernetes:
    """A cluster without nodes: what becomes of a job is what the test says."""
    cluster.runs_pods = False
    return cluster


def launcher_in(folder: Path, **asked: object) -> KubernetesLauncher:
    given = {"image": "team/gristmill:1", "claim": "lake", "python": sys.executable, "poll_seconds": 0.0, **asked}
    return KubernetesLauncher(folder / "log" / "training", KubernetesConfig.parse(given, "kubernetes"), folder)


def job(code: str = "pass", key: str = "k") -> Job:
    return Job(key=key, argv=(sys.executable, "-u", "-c", code), gpus=2)


def wait_for(launcher: KubernetesLauncher, handle: Handle, reached: str, seconds: float = 30) -> Status:
    deadline = time.monotonic() + seconds
    while (status := launcher.poll(handle)).state != reached or (reached == "running" and not status.step):
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    return status


def running(launcher: KubernetesLauncher, heartbeat: float) -> Handle:
    """A job whose watcher wrote that it runs, and has not saved for 30 seconds."""
    handle = launcher.submit(job())
    status = Status(state="running", step=5, heartbeat=heartbeat, unsaved_seconds=30)
    (handle.run_dir / "status.json").write_text(status.model_dump_json())
    return handle


def disruption(reason: str) -> dict[str, str]:
    return {"type": "DisruptionTarget", "status": "True", "reason": reason}


def test_a_job_is_made_once_found_followed_and_not_run_again(tmp_path: Path, cluster: FakeKubernetes) -> None:
    counting = job("open('count', 'a').write('x'); print('step 3 of 4 loss 2.5', flush=True)")
    launcher = launcher_in(tmp_path)
    first = launcher.submit(counting)
    assert launcher_in(tmp_path).submit(counting).id == first.id, "found by its name, without a note of its own"
    told: list[str] = []
    status = follow(launcher_in(tmp_path), counting, "a test", lambda status: told.append(status.progress))
    assert (told, status.loss, status.gpu_seconds > 0) == (["step 3 of 4 loss 2.5"], 2.5, True)
    assert (first.run_dir / "count").read_text() == "x"
    assert launcher.logs(first, 0)[0] == b"step 3 of 4 loss 2.5\n"
    cluster.objects.clear()  # a day later the cluster has forgotten it
    assert launcher.poll(launcher.submit(counting)).state == "succeeded"
    assert sum(request.startswith("POST") for request in cluster.requests) == 1


@pytest.mark.parametrize("requeue", [True, False])
def test_an_evicted_job_goes_on_under_its_key(tmp_path: Path, cluster: FakeKubernetes, requeue: bool) -> None:
    launcher = launcher_in(tmp_path, requeue=requeue)
    handle = launcher.submit(job(RESUMING))
    wait_for(launcher, handle, "running")
    cluster.evict()
    if not requeue:
        status = launcher.poll(handle)
        assert (status.state, status.preemptions, status.failures) == ("preempted", 1, 0)
        assert "EvictionByEvictionAPI" in status.reason or status.reason == "SIGTERM came"
    status = follow(launcher, job(RESUMING), "a test", lambda words: None)
    assert (status.state, status.attempt, status.preemptions, status.failures) == ("succeeded", 2, 1, 0)
    assert sum(request.startswith("POST") for request in cluster.requests) == (1 if requeue else 2)


def test_cancel_deletes_the_job_with_its_pods_and_a_later_submit_runs_it(
    tmp_path: Path, cluster: FakeKubernetes
) -> None:
    launcher = launcher_in(tmp_path, grace_seconds=0.5)
    handle = launcher.submit(job(RESUMING))
    wait_for(launcher, handle, "running")
    launcher.cancel(handle)
    assert cluster.objects == {}
    status = launcher.poll(handle)
    assert (status.state, status.preemptions, status.failures) == ("cancelled", 0, 0)
    again = launcher.submit(job(RESUMING))
    assert again.id != handle.id
    assert wait_for(launcher, again, "succeeded").attempt == 2


def test_one_that_waits_is_cancelled_too(tmp_path: Path, api: FakeKubernetes) -> None:
    launcher = launcher_in(tmp_path)
    handle = launcher.submit(job())
    launcher.cancel(handle)
    assert read_status(handle.run_dir).state == "cancelled"


def test_a_name_that_is_taken_in_the_meantime_is_the_same_job(tmp_path: Path, api: FakeKubernetes) -> None:
    other = launcher_in(tmp_path).submit(job())
    launcher = launcher_in(tmp_path)
    assert launcher._api.create(api.job | {}) is False, "409 is an answer"
    assert launcher.submit(job()).id == other.id


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({}, "its pod"),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3"}]},
            "no node can take it: 0/3",
        ),
        (
            {"containerStatuses": [{"image": "a:b", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
            "the image a:b cannot be pulled (ImagePullBackOff",
        ),
        (
            {"containerStatuses": [{"state": {"waiting": {"reason": "RunContainerError", "message": "no s"}}}]},
            "cannot be started (RunContainerError: no s)",
        ),
    ],
)
def test_why_it_waits_is_told(tmp_path: Path, api: FakeKubernetes, status: dict[str, Any], words: str) -> None:
    launcher = launcher_in(tmp_path)
    handle = launcher.submit(job())
    if status:
        api.pod(phase="Pending", **status)
    found = launcher.poll(handle)
    assert found.state == "queued"
    assert words in found.reason


def test_one_that_waits_for_the_wrong_image_is_replaced_and_one_that_runs_is_not(
    tmp_path: Path, api: FakeKubernetes
) -> None:
    first = launcher_in(tmp_path, image="mistyped").submit(job())
    second = launcher_in(tmp_path).submit(job())
    assert second.id != first.id
    api.pod(phase="Running")
    assert launcher_in(tmp_path, image="newer").submit(job()).id == second.id


def test_kueue_holds_it_and_takes_it_back(tmp_path: Path, api: FakeKubernetes) -> None:
    launcher = launcher_in(tmp_path, queue="research")
    handle = running(launcher, time.time())
    assert api.job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "research"
    api.job["spec"]["suspend"] = True
    preempted = read_status(handle.run_dir).ended("preempted", 2)
    (handle.run_dir / "status.json").write_text(preempted.model_dump_json())
    status = launcher.poll(handle)
    assert (status.state, status.preemptions, status.reason) == ("queued", 1, "waiting in Kueue's queue research")
    assert launcher.submit(job()).id == handle.id, "Kueue starts it again by itself"


@pytest.mark.parametrize(
    ("pod", "condition", "state", "words"),
    [
        ({"conditions": [disruption("PreemptionByScheduler")]}, "BackoffLimitExceeded", "preempted", "took its pod"),
        ({"phase": "Failed", "reason": "Evicted"}, "BackoffLimitExceeded", "preempted", "Evicted"),
        ({"phase": "Failed"}, "DeadlineExceeded", "failed", "kubernetes.deadline_seconds"),
        (
            {"containerStatuses": [{"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}]},
            "BackoffLimitExceeded",
            "failed",
            "kubernetes.memory",
        ),
        (
            {"containerStatuses": [{"state": {"terminated": {"reason": "Error", "exitCode": 1}}}]},
            "BackoffLimitExceeded",
            "failed",
            "exit code 1: No module named gristmill",
        ),
    ],
)
def test_the_end_that_kubernetes_tells_is_counted_once(
    tmp_path: Path, api: FakeKubernetes, pod: dict[str, Any], condition: str, state: State, words: str
) -> None:
    launcher = launcher_in(tmp_path)
    handle = running(launcher, time.time())
    api.logs = "Traceback\nNo module named gristmill\n"
    api.pod(phase="Failed", conditions=[disruption("an earlier pod, replaced")])
    api.pod(**pod)
    api.fails(condition)
    status = launcher.poll(handle)
    assert status.state == state
    assert words in status.reason
    assert (status.preemptions, status.failures) == ((1, 0) if state == "preempted" else (0, 1))
    assert launcher.poll(handle) == status == read_status(handle.run_dir)
    again = launcher.submit(job())
    assert again.id != handle.id
    assert read_status(handle.run_dir).attempt == 2


def test_a_deadline_is_a_failure_although_the_watcher_saw_a_signal(tmp_path: Path, api: FakeKubernetes) -> None:
    launcher = launcher_in(tmp_path, deadline_seconds=60)
    handle = running(launcher, time.time())
    assert api.job["spec"]["activeDeadlineSeconds"] == 60
    preempted = read_status(handle.run_dir).ended("preempted", 2)
    (handle.run_dir / "status.json").write_text(preempted.model_dump_json())
    api.fails("DeadlineExceeded")
    status = launcher.poll(handle)
    assert (status.state, status.preemptions, status.failures) == ("failed", 0, 1)


def test_complete_is_no_success_until_the_run_directory_says_so(tmp_path: Path, api: FakeKubernetes) -> None:
    launcher = launcher_in(tmp_path)
    handle = running(launcher, time.time())
    api._condition(api.job, "Complete", "CompletionsReached", "")
    assert launcher.poll(handle).state == "running"
    (handle.run_dir / "status.json").write_text(Status(state="succeeded").model_dump_json())
    assert launcher.poll(handle).state == "succeeded"


def test_a_job_that_is_gone_is_lost_after_two_looks_and_no_heartbeat(tmp_path: Path, api: FakeKubernetes) -> None:
    launcher = launcher_in(tmp_path)
    alive = running(launcher, time.time())
    api.objects.clear()
    assert [launcher.poll(alive).state for _ in range(3)] == ["running"] * 3
    silent = read_status(alive.run_dir).model_copy(update={"heartbeat": 0.0})
    (alive.run_dir / "status.json").write_text(silent.model_dump_json())
    fresh = launcher_in(tmp_path)
    assert [fresh.poll(alive).state for _ in range(2)] == ["running", "lost"]


def test_one_that_somebody_deleted_is_cancelled(tmp_path: Path, api: FakeKubernetes) -> None:
    launcher = launcher_in(tmp_path)
    handle = launcher.submit(job())
    api.objects.clear()
    assert [launcher.poll(handle).state for _ in range(2)] == ["queued", "cancelled"]


def test_an_answer_that_fails_says_nothing(tmp_path: Path, api: FakeKubernetes) -> None:
    launcher = launcher_in(tmp_path)
    handle = running(launcher, time.time())
    api.pod(phase="Running")
    api.refuses["GET"] = (503, "etcd has no leader")
    status = [launcher.poll(handle) for _ in range(3)][-1]
    assert (status.state, status.step) == ("running", 5)
    assert "etcd has no leader" in status.reason
    api.refuses["GET"] = (401, "Unauthorized")
    with pytest.raises(GristmillError, match=r"(?s)401.*log in to the cluster again"):
        launcher.poll(handle)


@pytest.mark.parametrize(
    ("refusal", "asked", "words"),
    [
        ((403, "jobs.batch is forbidden"), {}, r"(?s)jobs\.batch is forbidden.*a role in namespace team"),
        ((422, "Job is invalid: spec.x"), {}, r"(?s)spec\.x.*--set kubernetes"),
        (None, {"namespace": "nowhere"}, "There is no namespace nowhere"),
    ],
)
def test_a_refusal_says_what_to_do(
    tmp_path: Path, api: FakeKubernetes, refusal: tuple[int, str] | None, asked: dict[str, str], words: str
) -> None:
    if refusal is not None:
        api.refuses["POST"] = refusal
    with pytest.raises(GristmillError, match=words):
        launcher_in(tmp_path, **asked).submit(job())


def test_a_train_job_has_nodes_patches_and_a_watcher_on_its_first_pod(tmp_path: Path, api: FakeKubernetes) -> None:
    taint = {"key": "gpu", "effect": "NoSchedule"}
    launcher = launcher_in(
        tmp_path, kind="trainjob", nodes=2, gpus=4, queue="q", node_selector={"gpu": "h100"}, tolerations=[taint]
    )
    handle = launcher.submit(job("print(1)"))
    found = api.job
    assert (found["kind"], found["metadata"]["labels"]["kueue.x-k8s.io/queue-name"]) == ("TrainJob", "q")
    trainer = found["spec"]["trainer"]
    assert (trainer["numNodes"], trainer["resourcesPerNode"]["limits"]) == (2, {"nvidia.com/gpu": "4"})
    assert "JOB_COMPLETION_INDEX" in trainer["command"][2]
    (patch,) = found["spec"]["runtimePatches"]
    (node,) = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    pod = node["template"]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"gpu": "h100"}
    assert pod["tolerations"] == [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert pod["containers"][0]["volumeMounts"][0]["mountPath"] == str(tmp_path)
    api._condition(found, "Failed", "DeadlineExceeded", "")
    assert launcher.poll(handle).state in ENDED


def test_settings_choose_it_and_say_what_is_missing(
    tmp_path: Path, cluster: FakeKubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=r"--image.*and.*--claim"):
        LaunchSettings.parse({"launcher": "kubernetes"}, "train")
    given = {"launcher": "kubernetes", "kubernetes": {"image": "a", "claim": "b"}}
    with pytest.raises(UsageError, match=r"--set kubernetes\.gpus=8"):
        LaunchSettings.parse(given | {"slurm": {"gpus": 8}}, "train")
    with pytest.raises(UsageError, match="trainjob"):
        LaunchSettings.parse({"kubernetes": {"nodes": 2}}, "train")
    settings = LaunchSettings.parse(given, "train")
    launcher = launcher_of(settings, tmp_path / "lake" / "log" / "trials")
    assert isinstance(launcher, KubernetesLauncher)
    assert launcher.mount == tmp_path / "lake"
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(GristmillError, match="there is no kubeconfig"):
        launcher_of(settings, tmp_path / "lake" / "log" / "trials")
