"""The launcher for Kubernetes, by the official client: a Job of batch/v1, or a TrainJob of Kubeflow Trainer v2.

A job's object is named after its key and its run directory, so the API server itself refuses a second one, and a crash
after the call costs nothing. The watcher runs in the container and writes the run directory as it does on one machine;
it has to be on a volume claim that pods mount under the same path as here.

Kubernetes' word and the run directory's are put together in :meth:`KubernetesLauncher.poll`, as for Slurm: success is
what the watcher saw; evictions, deadlines and deletions are what Kubernetes says; an answer that fails says nothing;
and a job whose object is gone is over only after two looks without it.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gristmill.core.errors import GristmillError
from gristmill.core.files.atomic import write_whole
from gristmill.tasks.launch.batch import MISSES, SILENT_SECONDS, beats, begin, on_nodes, settled, submitting
from gristmill.tasks.launch.job import ENDED, FINAL, Handle, Job, State, Status, read_log, read_status
from gristmill.tasks.launch.kubernetes_api import ApiError, KubernetesApi
from gristmill.tasks.launch.kubernetes_spec import KubernetesConfig, manifest, object_name, placed
from gristmill.tasks.launch.kubernetes_view import View, view_of

DELETE_SECONDS = 120.0


@dataclass
class LastView:
    """The last answer about a job: its view, or for how many answers in a row it has been missing."""

    taken: float
    view: View | None
    misses: int
    complaint: str = ""
    """Why the last request to the API server failed; what was known before still holds."""


class KubernetesLauncher:
    """Runs jobs in folders below ``root``, one for each key, as jobs of Kubernetes.

    ``mount`` is where the volume claim is mounted, a folder that holds ``root``. Raises :class:`GristmillError` when it
    does not, and without the client or a kubeconfig.
    """

    def __init__(self, root: Path, config: KubernetesConfig, mount: Path) -> None:
        self.root = root.resolve()
        self.config = config
        self.mount = mount.resolve()
        if not self.root.is_relative_to(self.mount):
            raise GristmillError(f"kubernetes.mount: {self.mount} does not hold the lake's {self.root}")
        self._api = KubernetesApi(config)
        self._looks: dict[str, LastView] = {}
        self._completed: dict[str, float] = {}

    @property
    def name(self) -> str:
        """See :class:`gristmill.tasks.launch.job.Launcher`."""
        return "kubernetes"

    def find(self, key: str) -> Handle | None:
        """The job of that key that the cluster has, or that has succeeded. Raises :class:`GristmillError`."""
        run_dir = self.root / key
        found = self._api.read(object_name(run_dir))
        if found is not None:
            return Handle(key, run_dir, id=found["metadata"]["uid"])
        return Handle(key, run_dir) if read_status(run_dir).state == "succeeded" else None

    def submit(self, job: Job) -> Handle:
        """Submit the job, or give the one of its key that waits, runs or has succeeded.

        An ended one that has not succeeded is deleted first, which frees its name, and goes on from where it was; so is
        one that waits and asks for something else than it would now, such as an image that does not exist.
        Raises :class:`GristmillError` when Kubernetes refuses it.
        """
        run_dir = self.root / job.key
        with submitting(run_dir):
            known = self.find(job.key)
            self._looks.pop(object_name(run_dir), None)
            if known is not None and not known.id:
                return known
            if known is not None:
                state = self.poll(known).state
                waits = state == "queued" and self._asks_the_same(job)
                if (waits or state in ("running", "succeeded")) and not self._is_leaving(known):
                    return known
                self._free(known)
            return self._created(job)

    def poll(self, handle: Handle) -> Status:
        """How the job stands, from Kubernetes and the run directory."""
        status = read_status(handle.run_dir)
        if status.state == "succeeded":
            return status
        look = self._look(object_name(handle.run_dir))
        # The answer may have taken a while, in which the watcher has written its last word.
        status = read_status(handle.run_dir)
        if status.state in FINAL:
            return status
        if look.view is None:
            return self._missing(handle, status, look)
        told = self._told(handle, status, look.view)
        return told.model_copy(update={"reason": look.complaint or told.reason}) if told.state not in ENDED else told

    def logs(self, handle: Handle, offset: int) -> tuple[bytes, int]:
        """Output of the current attempt from byte ``offset`` on."""
        return read_log(handle.run_dir, offset)

    def cancel(self, handle: Handle) -> None:
        """Delete the job with its pods and wait until they are gone. Raises :class:`GristmillError` when they stay."""
        known = self.find(handle.key)
        if known is None or not known.id or self.poll(known).state in FINAL:
            return
        write_whole(handle.run_dir / "cancel", "")
        self._free(known)
        status = read_status(handle.run_dir)
        if status.state not in FINAL:
            settled(handle.run_dir, _ended(status, "cancelled", self._gpus(handle), "it was cancelled"))

    def forget(self, key: str) -> None:
        """Let a job that has succeeded be run again at the next :meth:`submit`."""
        known = self.find(key)
        if known is not None and known.id:
            self._free(known)
        for name in ("DONE", "status.json", "kubernetes.yaml"):
            (self.root / key / name).unlink(missing_ok=True)

    def _created(self, job: Job) -> Handle:
        """Create the job's object, or take the one that somebody else has created in the meantime."""
        run_dir = self.root / job.key
        begin(run_dir, job)
        ready, wanted = self._wanted(job)
        write_whole(run_dir / "job.json", ready.model_dump_json())
        write_whole(run_dir / "kubernetes.yaml", yaml.safe_dump(wanted, sort_keys=False))
        self._api.create(wanted)
        self._looks.pop(object_name(run_dir), None)
        known = self.find(job.key)
        if known is None:
            raise GristmillError(f"the job {object_name(run_dir)} was deleted as soon as it was made. Run it again.")
        return known

    def _wanted(self, job: Job) -> tuple[Job, dict[str, Any]]:
        """The job as its container runs it, and the object that is asked for."""
        ready = placed(job, self.config)
        return ready, manifest(self.config, ready, self.root / job.key, self.mount)

    def _asks_the_same(self, job: Job) -> bool:
        path = self.root / job.key / "kubernetes.yaml"
        return path.is_file() and yaml.safe_load(path.read_bytes()) == self._wanted(job)[1]

    def _look(self, name: str) -> LastView:
        """The last answer about a job, at most ``poll_seconds`` old. One that fails leaves what was known."""
        last = self._looks.get(name, LastView(float("-inf"), None, 0))
        if time.monotonic() - last.taken <= self.config.poll_seconds:
            return last
        try:
            found = self._api.read(name)
            view = None if found is None else view_of(found, self._api.pods(name))
            look = LastView(time.monotonic(), view, 0 if view is not None else last.misses + 1)
        except ApiError as error:
            if not error.is_transient:
                raise
            look = LastView(time.monotonic(), last.view, last.misses, str(error))
        self._looks[name] = look
        return look

    def _missing(self, handle: Handle, status: Status, look: LastView) -> Status:
        """Its object is not there: deleted by somebody, or by the cluster some time after its end."""
        if look.misses < MISSES:
            state: State = "running" if status.state in ENDED else status.state
            return status.model_copy(update={"state": state, "reason": look.complaint or status.reason})
        if status.state == "running" and beats(status):
            return status  # its pod takes its grace time
        if status.state in ("queued", "preempted"):
            # A watcher cannot tell an eviction from a deletion, which send the same signal.
            return settled(handle.run_dir, _ended(status, "cancelled", 0, "its job was deleted from the cluster"))
        reason = f"Kubernetes no longer has the job {object_name(handle.run_dir)}, and nothing says how it ended"
        return settled(handle.run_dir, status.ended("lost", self._gpus(handle), reason))

    def _told(self, handle: Handle, status: Status, view: View) -> Status:
        """What Kubernetes' view makes of the status that the watcher wrote."""
        gpus = self._gpus(handle)
        match view.phase:
            case "waiting":
                # It was never started, or its pod was taken away: the watcher of the next counts the one before.
                if status.state == "running" and beats(status):
                    return status
                waiting = status if status.state == "queued" else status.ended("preempted", gpus).again()
                return waiting.model_copy(update={"reason": view.reason})
            case "running":
                return on_nodes(status, view.reason)
            case "leaving":
                return status.model_copy(update={"state": "running", "reason": view.reason})
            case "complete":  # the volume may take a while to show the watcher's last word
                since = self._completed.setdefault(view.uid, time.monotonic())
                if time.monotonic() - since < SILENT_SECONDS:
                    return status.model_copy(update={"state": "running", "reason": "its last word is not here yet"})
                reason = "it left no end in its run directory: is that on the volume of kubernetes.claim?"
                return settled(handle.run_dir, status.ended("lost", gpus, reason))
            case "disrupted":
                return settled(handle.run_dir, _ended(status, "preempted", gpus, view.reason))
            case "failed":
                if status.state == "preempted" and view.pod:
                    return status  # the trainer asked to be started again
                words = self._api.last_words(view.pod) if view.pod else ""
                reason = f"{view.reason}: {words}" if words else view.reason
                return settled(handle.run_dir, _ended(status, "failed", gpus, reason))

    def _free(self, handle: Handle) -> None:
        """Delete an object and wait until its name is free, which it is when its pods are gone."""
        name = object_name(handle.run_dir)
        self._api.delete(name, handle.id)
        deadline = time.monotonic() + DELETE_SECONDS + self.config.grace_seconds
        pause = 0.05
        while (found := self._api.read(name)) is not None and found["metadata"]["uid"] == handle.id:
            if time.monotonic() > deadline:
                raise GristmillError(
                    f"Kubernetes has not deleted the job {name} within {DELETE_SECONDS:.0f} s. Is its node gone? "
                    f"`kubectl delete pod --force` on its pods ends it."
                )
            time.sleep(pause)
            pause = min(2 * pause, 2.0)
        self._looks.pop(name, None)

    def _is_leaving(self, handle: Handle) -> bool:
        view = self._look(object_name(handle.run_dir)).view
        return view is not None and view.phase == "leaving"

    def _gpus(self, handle: Handle) -> int:
        path = handle.run_dir / "job.json"
        return Job.model_validate_json(path.read_bytes()).gpus if path.is_file() else 0


def _ended(status: Status, state: State, gpus: int, reason: str) -> Status:
    """The status as Kubernetes ends it. What the watcher took for a preemption is counted as what it was."""
    if status.state != "preempted" or state == "preempted":
        return status.ended(state, gpus, reason)
    return status.corrected(state, reason)
