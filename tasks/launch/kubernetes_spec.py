"""What a job asks Kubernetes for, and the objects sent: a Job of batch/v1, or a TrainJob of Kubeflow Trainer v2.

Both run the watcher in a container with the lake mounted at the path that it has here. Objects are plain dicts, as the
YAML files of Kubernetes are. TrainJobs take what their API lets a user patch (``runtimePatches``, Trainer 2.2 and
later); the rest, such as pod failure policies, belongs to the runtime that the cluster's operators wrote.
"""

import math
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from gristmill.core.config import Config
from gristmill.core.digests import digest_text
from gristmill.core.flag import Flag
from gristmill.tasks.launch.job import Job

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
KEY_ANNOTATION = "gristmill/run-directory"
GRACE_MARGIN_SECONDS = 20
"""Seconds for the watcher to record the end after the trainer's grace time."""
TRAINJOB_GRACE_SECONDS = 25
"""Pods of a TrainJob have Kubernetes' 30 seconds between SIGTERM and SIGKILL: the API does not let us ask for more."""


class Toleration(Config):
    """A taint of nodes that a job's pods tolerate. What is left out fits all."""

    key: str = Field("", description="Key of the taint.")
    operator: Literal["Exists", "Equal"] = Field("Exists", description="Whether the value has to be equal too.")
    value: str = Field("", description="Value of the taint.")
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = Field("", description="Effect of the taint.")


class KubernetesConfig(Config):
    """What a job asks Kubernetes for. What is left out is not asked for, so the cluster's defaults hold."""

    kind: Literal["job", "trainjob"] = Field(
        "job", description="Kubernetes: a Job of batch/v1, or a TrainJob of Kubeflow Trainer v2, for several nodes."
    )
    namespace: Annotated[str, Flag("--namespace")] = Field(
        "", description="Kubernetes: namespace; that of the context when left out."
    )
    context: str = Field("", description="Kubernetes: context of the kubeconfig; its current one when left out.")
    image: Annotated[str, Flag("--image")] = Field("", description="Kubernetes: image that has gristmill.")
    claim: Annotated[str, Flag("--claim")] = Field("", description="Kubernetes: volume claim that holds the lake.")
    mount: Path | None = Field(None, description="Where the claim is mounted, here and there; the lake by default.")
    sub_path: str = Field("", description="Folder of the claim that is mounted, when it is not the whole.")
    queue: Annotated[str, Flag("--queue")] = Field("", description="Kubernetes: local queue of Kueue.")
    nodes: int = Field(1, ge=1, description="Pods of a TrainJob; a Job has one.")
    gpus: int = Field(0, ge=0, description="GPUs of each pod; those that the job uses when left out.")
    gpu_resource: str = Field("nvidia.com/gpu", description="What the cluster calls a GPU.")
    cpus: str = Field("", pattern=r"^(\d+(\.\d+)?|\d+m)?$", description="Cores of each pod, such as 8 or 500m.")
    memory: str = Field("", description="Memory of each pod, such as 64Gi; more than that and it is killed.")
    deadline_seconds: int = Field(0, ge=0, description="Seconds after which the job is ended as failed; 0 for never.")
    node_selector: dict[str, str] = Field(default_factory=dict, description="Labels of the nodes to run on.")
    tolerations: tuple[Toleration, ...] = Field((), description="Taints of nodes to run on all the same.")
    service_account: str = Field("", description="Service account of the pods.")
    pull_secrets: tuple[str, ...] = Field((), description="Secrets that the image is pulled with.")
    user: int | None = Field(None, ge=0, description="User id that pods run as, so that you own what they write.")
    group: int | None = Field(None, ge=0, description="Group id that pods run as.")
    python: str = Field("python3", description="Interpreter in the image that has gristmill.")
    runtime: str = Field("torch-distributed", description="ClusterTrainingRuntime of a TrainJob.")
    requeue: bool = Field(True, description="Let Kubernetes replace an evicted pod of a Job by itself.")
    keep_seconds: int = Field(86400, ge=0, description="Seconds after which the cluster forgets an ended Job.")
    grace_seconds: float = Field(10.0, gt=0, description="Seconds between a signal and SIGKILL.")
    poll_seconds: float = Field(5.0, ge=0, description="How old the API server's word on a job may be.")

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "KubernetesConfig":
        if self.kind == "job" and self.nodes > 1:
            raise ValueError("nodes: pods of a Job do not know each other. For several nodes set kind: trainjob")
        if self.kind == "trainjob" and self.grace_seconds > TRAINJOB_GRACE_SECONDS:
            raise ValueError(
                f"grace_seconds: a TrainJob's pods are killed after 30 s; {TRAINJOB_GRACE_SECONDS} at most"
            )
        return self

    def missing(self) -> str:
        """What a job cannot do without and was not given, in words; nothing when all is there."""
        needed = {
            "kubernetes.image (--image), an image that has gristmill": self.image,
            "kubernetes.claim (--claim), the volume claim that holds the lake": self.claim,
        }
        return " and ".join(words for words, value in needed.items() if not value)


def object_name(run_dir: Path) -> str:
    """What Kubernetes calls the job of a run directory: equal work has an equal name, so a second one clashes.

    At most 43 characters, since a TrainJob adds to it for its pods, whose names are labels of 63.
    """
    key = re.sub(r"[^a-z0-9]+", "-", run_dir.name.lower()).strip("-")[:24].rstrip("-")
    return f"gristmill-{key or 'job'}-{digest_text(str(run_dir))[:8]}"


def placed(job: Job, config: KubernetesConfig) -> Job:
    """The job as the container runs it: with its interpreter, its GPUs and its grace time."""
    argv = (config.python, *job.argv[1:]) if job.argv[0] == sys.executable else job.argv
    gpus = job.gpus or config.nodes * config.gpus
    return job.model_copy(update={"argv": argv, "gpus": gpus, "grace_seconds": config.grace_seconds})


def manifest(config: KubernetesConfig, job: Job, run_dir: Path, mount: Path) -> dict[str, Any]:
    """The object that runs ``job``, as :func:`placed` gave it."""
    metadata: dict[str, Any] = {
        "name": object_name(run_dir),
        "labels": {"app.kubernetes.io/managed-by": "gristmill"} | ({QUEUE_LABEL: config.queue} if config.queue else {}),
        "annotations": {KEY_ANNOTATION: str(run_dir)},
    }
    deadline = {"activeDeadlineSeconds": config.deadline_seconds} if config.deadline_seconds else {}
    if config.kind == "job":
        spec = _job(config, job, run_dir, mount) | deadline
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}
    spec = _train_job(config, job, run_dir, mount) | deadline
    return {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob", "metadata": metadata, "spec": spec}


def _job(config: KubernetesConfig, job: Job, run_dir: Path, mount: Path) -> dict[str, Any]:
    volumes, mounts = _volumes(config, mount)
    container = {
        "name": "trainer",
        "image": config.image,
        "command": _command(config, job, run_dir),
        "resources": _resources(config, job),
        "volumeMounts": mounts,
    }
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": int(config.grace_seconds) + GRACE_MARGIN_SECONDS,
        "containers": [container],
        "volumes": volumes,
        **_pod_settings(config),
    }
    spec: dict[str, Any] = {
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": 0,
        "ttlSecondsAfterFinished": config.keep_seconds,
        "template": {"spec": pod},
    }
    if config.requeue:
        disrupted = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
        spec["podFailurePolicy"] = {"rules": [disrupted]}
    return spec


def _train_job(config: KubernetesConfig, job: Job, run_dir: Path, mount: Path) -> dict[str, Any]:
    volumes, mounts = _volumes(config, mount)
    trainer = {
        "image": config.image,
        "command": _command(config, job, run_dir),
        "numNodes": config.nodes,
        "resourcesPerNode": _resources(config, job),
        "env": [{"name": name, "value": value} for name, value in sorted(job.environment.items())],
    }
    patch = {
        "volumes": volumes,
        "containers": [{"name": "node", "volumeMounts": mounts}],
        **_pod_settings(config),
    }
    node = {"name": "node", "template": {"spec": {"template": {"spec": patch}}}}
    runtime = {"template": {"spec": {"replicatedJobs": [node]}}}
    return {
        "runtimeRef": {"name": config.runtime},
        "trainer": trainer,
        "runtimePatches": [{"manager": "gristmill", "trainingRuntimeSpec": runtime}],
    }


def _command(config: KubernetesConfig, job: Job, run_dir: Path) -> list[str]:
    """The watcher; on several nodes it runs on the first, which tells of all, and the others run the command itself."""
    watch = [config.python, "-P", "-m", "gristmill.tasks.launch.watch", str(run_dir), "--preemptible"]
    if config.nodes == 1:
        return watch
    others = f"cd {shlex.quote(str(run_dir))} && exec {shlex.join(job.argv)}"
    return ["/bin/sh", "-c", f'[ "${{JOB_COMPLETION_INDEX:-0}}" = 0 ] && exec {shlex.join(watch)}; {others}']


def _resources(config: KubernetesConfig, job: Job) -> dict[str, Any]:
    """Cores are a request alone, since a limit slows a trainer down on an idle node; memory and GPUs are limits too.

    GPUs are those that the job uses where nobody said how many.
    """
    gpus = config.gpus or math.ceil(job.gpus / config.nodes)
    asked = (("memory", config.memory), (config.gpu_resource, str(gpus) if gpus else ""))
    limits = {name: value for name, value in asked if value}
    requests = limits | ({"cpu": config.cpus} if config.cpus else {})
    return {name: value for name, value in (("requests", requests), ("limits", limits)) if value}


def _volumes(config: KubernetesConfig, mount: Path) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """The lake, and shared memory of more than the 64 MB that containers have, which NCCL and loaders run out of."""
    volumes = [
        {"name": "lake", "persistentVolumeClaim": {"claimName": config.claim}},
        {"name": "shared-memory", "emptyDir": {"medium": "Memory"}},
    ]
    lake = {"name": "lake", "mountPath": str(mount)} | ({"subPath": config.sub_path} if config.sub_path else {})
    return list(volumes), [lake, {"name": "shared-memory", "mountPath": "/dev/shm"}]  # noqa: S108


def _pod_settings(config: KubernetesConfig) -> dict[str, Any]:
    """What pods of both kinds can be given, as far as it was asked for."""
    ids = {"runAsUser": config.user, "runAsGroup": config.group, "fsGroup": config.group}
    asked: dict[str, Any] = {
        "nodeSelector": config.node_selector,
        "tolerations": [
            {name: value for name, value in toleration.model_dump().items() if value}
            for toleration in config.tolerations
        ],
        "serviceAccountName": config.service_account,
        "imagePullSecrets": [{"name": secret} for secret in config.pull_secrets],
        "securityContext": {name: value for name, value in ids.items() if value is not None},
    }
    return {name: value for name, value in asked.items() if value}
