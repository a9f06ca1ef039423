"""The calls to a Kubernetes API server that the launcher makes, by the official client, with errors in words.

The client is an extra (``gristmill[kubernetes]``) and takes a second to import, so it is imported by the first call.
Jobs and TrainJobs go through the same calls: to the client both are objects of a group, a version and a plural.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gristmill.core.errors import GristmillError
from gristmill.tasks.launch.kubernetes_spec import KubernetesConfig

TIMEOUT = (10, 60)
"""Seconds to connect, and to read an answer."""
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
KINDS = {
    "job": ("batch", "v1", "jobs", "batch.kubernetes.io/job-name"),
    "trainjob": ("trainer.kubeflow.org", "v1alpha1", "trainjobs", "jobset.sigs.k8s.io/jobset-name"),
}
"""Group, version and plural of each kind of job, and the label of its pods that holds its name."""
TRANSIENT = frozenset({0, 408, 429, 500, 502, 503, 504})
"""Answers after which the same question may be answered: they say nothing about a job. 0: no answer at all."""


class ApiError(GristmillError):
    """The API server refused, or did not answer. ``code`` is that of HTTP; 0 when there was no answer."""

    def __init__(self, words: str, code: int) -> None:
        super().__init__(words)
        self.code = code

    @property
    def is_transient(self) -> bool:
        """Whether to ask again."""
        return self.code in TRANSIENT


class KubernetesApi:
    """One namespace of one cluster, that of the kubeconfig's context or of the pod that this runs in.

    Raises :class:`GristmillError` when there is no client, no kubeconfig or no such context.
    """

    def __init__(self, config: KubernetesConfig) -> None:
        try:
            from kubernetes import client
        except ImportError as error:
            raise GristmillError(
                "--launcher kubernetes needs the client of Kubernetes: pip install 'gristmill[kubernetes]'"
            ) from error
        api, namespace = _connect(config.context)
        self.namespace = config.namespace or namespace
        self._objects = client.CustomObjectsApi(api)
        self._core = client.CoreV1Api(api)
        self._options = client.V1DeleteOptions
        self._preconditions = client.V1Preconditions
        self._group, self._version, self._plural, self._label = KINDS[config.kind]

    def create(self, manifest: dict[str, Any]) -> bool:
        """Make a job; False when there is one of that name. Raises :class:`ApiError` when it is refused."""
        try:
            self._ask(lambda: self._objects.create_namespaced_custom_object(*self._place(), manifest, **_TIMED))
        except ApiError as error:
            if error.code == 409:
                return False
            raise
        return True

    def read(self, name: str) -> dict[str, Any] | None:
        """The job of that name; None when there is none. Raises :class:`ApiError`."""
        try:
            found = self._ask(lambda: self._objects.get_namespaced_custom_object(*self._place(), name, **_TIMED))
        except ApiError as error:
            if error.code == 404:
                return None
            raise
        return dict(found)

    def pods(self, name: str) -> list[dict[str, Any]]:
        """The pods of the job of that name, newest first. Raises :class:`ApiError`."""
        selector = f"{self._label}={name}"
        answer = self._ask(
            lambda: self._core.list_namespaced_pod(
                self.namespace, label_selector=selector, _preload_content=False, **_TIMED
            )
        )
        found: list[dict[str, Any]] = json.loads(answer.data)["items"]
        return sorted(found, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)

    def last_words(self, pod: str) -> str:
        """The last line of a pod's log; nothing when it cannot be had, since it only adds to what is known."""
        try:
            answer = self._ask(
                lambda: self._core.read_namespaced_pod_log(
                    pod, self.namespace, tail_lines=5, _preload_content=False, **_TIMED
                )
            )
        except ApiError:
            return ""
        lines = answer.data.decode("utf-8", errors="replace").strip().splitlines()
        return str(lines[-1]) if lines else ""

    def delete(self, name: str, uid: str) -> None:
        """Delete a job and its pods, if it is still that one. The name is free when the pods are gone."""
        options = self._options(propagation_policy="Foreground", preconditions=self._preconditions(uid=uid))
        try:
            self._ask(
                lambda: self._objects.delete_namespaced_custom_object(*self._place(), name, body=options, **_TIMED)
            )
        except ApiError as error:
            if error.code not in (404, 409):  # gone already, or another that has taken its name
                raise

    def _place(self) -> tuple[str, str, str, str]:
        return self._group, self._version, self.namespace, self._plural

    def _ask(self, call: Callable[[], Any]) -> Any:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return call()
        except ApiException as error:
            raise ApiError(self._refusal(error.status or 0, _message(error)), error.status or 0) from error
        except (HTTPError, OSError) as error:
            raise ApiError(f"the API server of Kubernetes does not answer: {error}", 0) from error

    def _refusal(self, code: int, message: str) -> str:
        """What a refusal means and what to do about it."""
        match code:
            case 401:
                hint = "Your credentials are not accepted: log in to the cluster again, then run the same command."
            case 403:
                hint = (
                    f"Ask for a role in namespace {self.namespace} that may create, get and delete {self._plural} "
                    "and list pods, or name another with --namespace."
                )
            case 404 if "namespaces" in message:
                hint = f"There is no namespace {self.namespace}. Name another with --namespace."
            case 404 if self._plural == "trainjobs":
                hint = "Kubeflow Trainer v2 is not installed there: use kubernetes.kind=job."
            case 400 | 422:
                hint = "Change what is asked for with --set kubernetes.KEY=VALUE; the object is kubernetes.yaml."
            case _:
                hint = ""
        return f"Kubernetes refused ({code}): {message}\n{hint}".rstrip()


_TIMED: dict[str, Any] = {"_request_timeout": TIMEOUT}


def _connect(context: str) -> tuple[Any, str]:
    """A client for the cluster, and the namespace that is meant when none is named."""
    from kubernetes import client, config

    configuration = client.Configuration()
    path = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    found = any(Path(part).is_file() for part in path.split(os.pathsep) if part)
    if not found and not context and "KUBERNETES_SERVICE_HOST" in os.environ:
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException as error:
            raise GristmillError(f"this pod has no service account to reach its cluster with: {error}") from error
        return client.ApiClient(configuration), NAMESPACE_FILE.read_text(encoding="utf-8").strip()
    if not found:
        raise GristmillError(
            f"there is no kubeconfig: looked for {path}. Say where it is with KUBECONFIG, or copy it there; "
            "`kubectl get jobs` works when it is right."
        )
    try:
        config.load_kube_config(path, context or None, client_configuration=configuration, persist_config=False)
        contexts, current = config.list_kube_config_contexts(path)
    except config.ConfigException as error:
        raise GristmillError(f"the kubeconfig {path} cannot be used: {error}") from error
    chosen = next((one for one in contexts if one["name"] == context), current)
    return client.ApiClient(configuration), str(chosen["context"].get("namespace") or "default")


def _message(error: Any) -> str:
    """The API server's own words."""
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return " ".join(str(error.body or error.reason or "").split())[:500]
