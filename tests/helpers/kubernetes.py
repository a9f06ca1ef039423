"""A small API server of Kubernetes on loopback, for the calls that the launcher makes, and a node that runs its pods.

Answers are those of a real API server for these calls: codes, ``Status`` objects with their messages, ``uid`` of each
object, preconditions, foreground deletion. What it does not do: admission, watching, events, scheduling. A test that
wants a view no node can be brought into writes the pods and conditions itself.
"""

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

OBJECTS = re.compile(
    r"/apis/(?P<group>[^/]+)/(?P<version>[^/]+)/namespaces/(?P<ns>[^/]+)/(?P<plural>[^/]+)(/(?P<name>.+))?"
)
PODS = re.compile(r"/api/v1/namespaces/(?P<ns>[^/]+)/pods(/(?P<name>[^/]+)/log)?")
KNOWN = {("batch", "v1", "jobs"), ("trainer.kubeflow.org", "v1alpha1", "trainjobs")}
LABELS = ("batch.kubernetes.io/job-name", "jobset.sigs.k8s.io/jobset-name")


@dataclass
class FakeKubernetes:
    """The state of the cluster: tests read and change it between calls."""

    kubeconfig: Path
    runs_pods: bool = True
    """Whether a node starts the command of a new job's pod on this machine."""
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    pods: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Pods of each job."""
    requests: list[str] = field(default_factory=list)
    refuses: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Code and message with which requests of a verb are refused."""
    logs: str = ""
    made: int = 0
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def job(self) -> dict[str, Any]:
        """The only job."""
        (found,) = self.objects.values()
        return found

    def pod(self, **status: Any) -> None:
        """Give the only job a new pod, as the newest."""
        self._pod(self.job["metadata"]["name"], status)

    def _pod(self, name: str, status: dict[str, Any]) -> None:
        with self.lock:
            listed = self.pods.setdefault(name, [])
            self.made += 1
            stamp = f"2026-11-30T00:00:{self.made:02d}Z"
            metadata = {"name": f"{name}-{self.made:05d}", "creationTimestamp": stamp}
            listed.append({"metadata": metadata, "spec": {"nodeName": "node-a"}, "status": status})

    def fails(self, reason: str = "BackoffLimitExceeded", message: str = "") -> None:
        """Let the only job have failed."""
        self._condition(self.job, "Failed", reason, message)

    def evict(self) -> None:
        """Take the pod of the only job away, as an eviction does; the job fails, or its policy replaces the pod."""
        name = self.job["metadata"]["name"]
        process = self.processes[name]
        with self.lock:
            target = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
            self.pods[name][-1]["status"]["conditions"] = [target]
        process.send_signal(signal.SIGTERM)
        process.wait(120)
        self.settle(name)

    def settle(self, name: str) -> None:
        """What the controller of jobs does when a pod has ended."""
        process = self.processes.get(name)
        if process is None or process.poll() is None or name not in self.objects:
            return
        job, pod = self.objects[name], self.pods[name][-1]
        del self.processes[name]
        code = process.returncode
        pod["status"]["phase"] = "Failed" if code else "Succeeded"
        pod["status"]["containerStatuses"] = [{"state": {"terminated": {"exitCode": code}}}]
        if code == 0:
            self._condition(job, "Complete", "CompletionsReached", "")
        elif pod["status"].get("conditions") and "podFailurePolicy" in job["spec"]:
            self._start(name, job)
        else:
            self._condition(job, "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")

    def answer(self, verb: str, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any]:
        """The code and the object that a request is answered with."""
        with self.lock:
            self.requests.append(f"{verb} {path}")
            if verb in self.refuses:
                return self._status(*self.refuses[verb])
            if (place := PODS.fullmatch(path)) is not None:
                return self._answer_pods(place["name"], query)
            place = OBJECTS.fullmatch(path)
            if place is None or (place["group"], place["version"], place["plural"]) not in KNOWN:
                return 404, "404 page not found"
            return self._answer_object(verb, place, body)

    def _answer_pods(self, name: str | None, query: dict[str, list[str]]) -> tuple[int, Any]:
        if name is not None:
            return 200, self.logs
        label, _, job = query["labelSelector"][0].partition("=")
        assert label in LABELS
        self.settle(job)
        return 200, {"kind": "PodList", "apiVersion": "v1", "items": self.pods.get(job, [])}

    def _answer_object(self, verb: str, place: re.Match[str], body: dict[str, Any]) -> tuple[int, Any]:
        kind = f"{place['plural']}.{place['group']}"
        if verb == "POST":
            if place["ns"] != "team":
                return self._status(404, f'namespaces "{place["ns"]}" not found')
            name = body["metadata"]["name"]
            if name in self.objects:
                return self._status(409, f'{kind} "{name}" already exists')
            self.made += 1
            body["metadata"]["uid"] = f"uid-{self.made}"
            self.objects[name], self.pods[name] = body, []
            if self.runs_pods and not body["spec"].get("suspend"):
                self._start(name, body)
            return 201, body
        name = place["name"]
        if name not in self.objects:
            return self._status(404, f'{kind} "{name}" not found')
        if verb == "GET":
            self.settle(name)
            return 200, self.objects[name]
        assert verb == "DELETE"
        assert body["propagationPolicy"] == "Foreground"
        if body["preconditions"]["uid"] != self.objects[name]["metadata"]["uid"]:
            return self._status(409, "Precondition failed: UID in precondition")
        process = self.processes.pop(name, None)
        if process is not None:
            process.send_signal(signal.SIGTERM)
            self.objects[name]["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z"
            threading.Thread(target=self._gone, args=(name, process)).start()
        else:
            del self.objects[name], self.pods[name]
        return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    def _gone(self, name: str, process: subprocess.Popen[bytes]) -> None:
        process.wait(120)
        with self.lock:
            del self.objects[name], self.pods[name]

    def _start(self, name: str, job: dict[str, Any]) -> None:
        container = job["spec"]["template"]["spec"]["containers"][0]
        self._pod(name, {"phase": "Running"})
        self.processes[name] = subprocess.Popen(container["command"], env=os.environ)

    def _condition(self, job: dict[str, Any], kind: str, reason: str, message: str) -> None:
        condition = {"type": kind, "status": "True", "reason": reason, "message": message}
        job.setdefault("status", {}).setdefault("conditions", []).append(condition)

    def _status(self, code: int, message: str) -> tuple[int, Any]:
        return code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}


@contextmanager
def fake_kubernetes(folder: Path) -> Iterator[FakeKubernetes]:
    """An API server that answers while the block runs, and a kubeconfig for it in ``KUBECONFIG`` of this process."""
    cluster = FakeKubernetes(folder / "kubeconfig")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            code, found = cluster.answer(self.command, url.path, parse_qs(url.query), json.loads(body) if body else {})
            plain = isinstance(found, str)
            data = found.encode() if plain else json.dumps(found).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain" if plain else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = handle_any  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = {"cluster": "here", "user": "me", "namespace": "team"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "me", "user": {"token": "secret"}}],
        "contexts": [{"name": "test", "context": context}],
    }
    cluster.kubeconfig.write_text(yaml.safe_dump(config))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            patch.delenv(name, raising=False)
        try:
            yield cluster
        finally:
            for process in cluster.processes.values():
                process.kill()
                process.wait()
            server.shutdown()
            server.server_close()
            thread.join()
