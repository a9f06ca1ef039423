"""How a job stands to Kubernetes, from its object and its pods: pure functions of what the API server said.

Documents: *Jobs*, *Pod failure policy* and *Disruptions* of the Kubernetes documentation; conditions of a TrainJob are
those of ``trainjob_types.go`` of Kubeflow Trainer v2.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gristmill.tasks.launch.kubernetes_spec import QUEUE_LABEL

Phase = Literal["waiting", "running", "complete", "disrupted", "failed", "leaving"]
DISRUPTIONS = frozenset({"Evicted", "Preempting", "Preempted", "Shutdown", "Terminated", "NodeShutdown", "NodeLost"})
"""Reasons of a failed pod that are not its own doing, on clusters that set no condition ``DisruptionTarget``."""
PULLING = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})

Object = Mapping[str, Any]


@dataclass(frozen=True)
class View:
    """What Kubernetes says of a job. ``leaving``: its object is being deleted."""

    phase: Phase
    uid: str
    reason: str = ""
    pod: str = ""
    """The pod that ended without success, whose log says more."""


def view_of(job: Object, pods: Sequence[Object]) -> View:
    """The view of a Job or a TrainJob and of its pods, newest first."""
    metadata, conditions = job["metadata"], _conditions(job)
    uid = metadata.get("uid", "")
    if "Failed" in conditions:
        # A Job has one pod at a time: those before its last were replaced, and say nothing of its end.
        return _failure(uid, conditions["Failed"], pods[:1] if job.get("kind") == "Job" else pods)
    if "Complete" in conditions:
        return View("complete", uid)
    if metadata.get("deletionTimestamp"):
        return View("leaving", uid, "it is being deleted")
    running = [pod for pod in pods if _phase(pod) == "Running"]
    if running:
        return View("running", uid, f"runs on node {running[0].get('spec', {}).get('nodeName', '?')}")
    if "Suspended" in conditions or job.get("spec", {}).get("suspend"):
        queue = metadata.get("labels", {}).get(QUEUE_LABEL)
        return View("waiting", uid, f"waiting in Kueue's queue {queue}" if queue else "suspended in Kubernetes")
    # Pods that failed before were evicted: the others would have ended the job.
    waiting = [pod for pod in pods if _phase(pod) not in ("Failed", "Succeeded")]
    return View("waiting", uid, _wait(waiting[0]) if waiting else "waiting for Kubernetes to make its pod")


def _wait(pod: Object) -> str:
    """Why a pod does not run yet."""
    for container in _containers(pod):
        held = container.get("state", {}).get("waiting") or {}
        reason, message = held.get("reason", ""), " ".join(held.get("message", "").split())
        if reason in PULLING:
            return (
                f"the image {container.get('image')} cannot be pulled ({reason}: {message}). Check kubernetes.image "
                "and kubernetes.pull_secrets if it is private; run it again then, which replaces the job"
            )
        if reason not in STARTING:
            return f"its container cannot be started ({reason}: {message})"
    scheduled = _conditions(pod, "False").get("PodScheduled", {})
    if scheduled.get("reason") == "Unschedulable":
        return f"no node can take it: {scheduled.get('message', 'Kubernetes does not say why')}"
    if scheduled.get("reason") == "SchedulingGated":
        return "held back by a scheduling gate, such as Kueue's"
    return "its container is being made" if _phase(pod) == "Pending" else "waiting for its pod"


def _failure(uid: str, condition: Object, pods: Sequence[Object]) -> View:
    """How a job failed: by its deadline, by a disruption of a pod, or by what its container did."""
    reason, message = condition.get("reason", ""), condition.get("message", "")
    if reason == "DeadlineExceeded":
        return View("failed", uid, "its deadline passed. Give it more with kubernetes.deadline_seconds")
    for pod in pods:
        disruption = _conditions(pod).get("DisruptionTarget")
        if disruption is not None:
            return View("disrupted", uid, f"Kubernetes took its pod away ({disruption.get('reason', 'disrupted')})")
        why = pod.get("status", {}).get("reason", "")
        if _phase(pod) == "Failed" and why in DISRUPTIONS:
            return View("disrupted", uid, f"Kubernetes took its pod away ({why})")
    for pod in pods:
        name = pod["metadata"]["name"]
        for container in _containers(pod):
            end = container.get("state", {}).get("terminated") or {}
            if end.get("reason") == "OOMKilled":
                return View("failed", uid, "it ran out of memory. Ask for more with kubernetes.memory")
            if end.get("reason") in ("StartError", "ContainerCannotRun"):
                return View("failed", uid, f"its container could not be started: {end.get('message', '')}")
            if end.get("exitCode"):
                return View("failed", uid, f"its container ended with exit code {end['exitCode']}", name)
    return View("failed", uid, f"Kubernetes ended it: {reason} {message}".strip())


def _conditions(found: Object, status: str = "True") -> dict[str, Object]:
    """The conditions of an object that have that status, by their type."""
    listed = found.get("status", {}).get("conditions") or []
    return {condition["type"]: condition for condition in listed if condition.get("status") == status}


def _containers(pod: Object) -> Iterator[Object]:
    yield from pod.get("status", {}).get("initContainerStatuses") or []
    yield from pod.get("status", {}).get("containerStatuses") or []


def _phase(pod: Object) -> str:
    return str(pod.get("status", {}).get("phase", ""))
