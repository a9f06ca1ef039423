"""The launcher for Slurm, by its command-line tools: sbatch, squeue, scontrol, scancel, and sacct.

A job is found by its name, which holds its key and a digest of its run directory, so a crash between ``sbatch`` and the
note of its number costs nothing; its comment is the run directory, for people. There ``slurm.json`` has the
name and number of the job, and ``job.sbatch`` what was submitted. The watcher runs inside the allocation and writes the
run directory as it does on one machine; it has to be on a file system that the nodes share.

Slurm's word and the run directory's are put together in :meth:`SlurmLauncher.poll`: success is what the watcher saw,
never a state of Slurm; a preemption, a time limit and a requeue are what Slurm says; and a job that Slurm no longer
lists is lost only after two listings without it, when ``scontrol`` does not know it either, accounting says nothing,
and its watcher is silent.
"""

import math
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from gristmill.core.config import Config
from gristmill.core.digests import digest_text
from gristmill.core.errors import GristmillError
from gristmill.core.files.atomic import write_whole
from gristmill.tasks.launch.batch import MISSES, SILENT_SECONDS, beats, begin, on_nodes, settled, submitting
from gristmill.tasks.launch.job import ENDED, FINAL, Handle, Job, State, Status, read_log, read_status
from gristmill.tasks.launch.slurm_queue import ON_NODES, WAITING, Queue, accounted, shown, slurm
from gristmill.tasks.launch.slurm_script import SlurmConfig, script

CANCEL_SECONDS = 60.0
ENDS: dict[str, tuple[State, str]] = {
    "PREEMPTED": ("preempted", "Slurm gave its nodes to another job"),
    "TIMEOUT": ("preempted", "its time limit was reached"),
    "CANCELLED": ("cancelled", "it was cancelled"),
    "FAILED": ("failed", "its batch script failed: see slurm-*.out among its output"),
    "OUT_OF_MEMORY": ("failed", "it ran out of memory. Ask for more with slurm.memory"),
    "DEADLINE": ("failed", "its deadline passed"),
    "NODE_FAIL": ("lost", "its node failed"),
    "BOOT_FAIL": ("lost", "its node did not boot"),
}


class Submission(Config):
    """Under which name a job was submitted, at which index of an array, and the number that Slurm gave it."""

    name: str
    index: int | None = None
    id: str = ""
    """Empty between the intent to submit and ``sbatch``'s answer."""


class SlurmLauncher:
    """Runs jobs in folders below ``root``, one for each key, as batch jobs of Slurm."""

    def __init__(self, root: Path, config: SlurmConfig | None = None) -> None:
        self.root = root.resolve()
        self.config = config or SlurmConfig()
        self._queue = Queue(self.config.poll_seconds)
        self._completed: dict[str, float] = {}

    @property
    def name(self) -> str:
        """See :class:`gristmill.tasks.launch.job.Launcher`."""
        return "slurm"

    def find(self, key: str) -> Handle | None:
        """The job of that key that waits or runs, else the last one. Raises :class:`GristmillError` without Slurm."""
        run_dir = self.root / key
        last = self._submission(key)
        row = self._queue.active(last.name, last.index)
        if row is not None:
            return Handle(key, run_dir, id=row.id)
        known = last.id or read_status(run_dir).state == "succeeded"
        return Handle(key, run_dir, id=last.id) if known else None

    def submit(self, job: Job) -> Handle:
        """Submit the job, or give the one of its key that waits, runs or has succeeded.

        Raises :class:`GristmillError` when Slurm refuses it.
        """
        run_dir = self.root / job.key
        with submitting(run_dir):
            known = self._going_on(job.key)
            if known is not None:
                return known
            self._prepare(job, Submission(name=_name(run_dir)))
            write_whole(run_dir / "job.sbatch", script(self._asked(job), _name(run_dir), run_dir))
            return self._submitted(job.key, self._sbatch(run_dir))

    def submit_all(self, jobs: Sequence[Job], name: str, at_once: int = 0) -> list[Handle]:
        """Submit several jobs as one array, of which at most ``at_once`` run at a time (0: as many as Slurm gives).

        Those that wait, run or have succeeded are not submitted again. ``name`` names the array; jobs keep their
        indexes in it as long as they are given in the same order.
        """
        folder = self.root / name
        with submitting(folder):
            (folder / "log").mkdir(exist_ok=True)
            handles = {job.key: known for job in jobs if (known := self._going_on(job.key)) is not None}
            wanted = [index for index, job in enumerate(jobs) if job.key not in handles]
            if not wanted:
                return [handles[job.key] for job in jobs]
            runs = [self.root / job.key for job in jobs]
            write_whole(folder / "runs.txt", "".join(f"{run}\n" for run in runs))
            for index in wanted:
                self._prepare(jobs[index], Submission(name=_name(folder), index=index))
            write_whole(folder / "job.sbatch", script(self.config, _name(folder), folder, runs))
            limit = f"%{at_once}" if at_once else ""
            number = self._sbatch(folder, f"--array={','.join(map(str, wanted))}{limit}")
            for index in wanted:
                key = jobs[index].key
                handles[key] = self._submitted(key, f"{number}_{index}")
        return [handles[job.key] for job in jobs]

    def poll(self, handle: Handle) -> Status:
        """How the job stands, from Slurm's list and the run directory."""
        status = read_status(handle.run_dir)
        if status.state == "succeeded":
            return status
        row, misses = self._queue.look(handle.id)
        if row is not None and row.name != self._submission(handle.key).name:  # another job that got an old number
            row, misses = None, MISSES
        gpus = self._job(handle).gpus
        if row is not None and row.state in WAITING:
            # It was never started, or is requeued: the watcher of its next attempt counts the one before.
            waiting = status if status.state == "queued" else status.ended("preempted", gpus).again()
            return waiting.model_copy(update={"reason": f"waiting in Slurm: {row.reason}"})
        if row is not None and row.state in ON_NODES:
            return status if status.state in FINAL else on_nodes(status, f"Slurm: {row.state.lower()}")
        if status.state in FINAL:
            return status
        if row is None:
            return self._unlisted(handle, status, misses, gpus)
        return self._ended(handle, status, row.state, gpus)

    def logs(self, handle: Handle, offset: int) -> tuple[bytes, int]:
        """Output of the current attempt from byte ``offset`` on."""
        return read_log(handle.run_dir, offset)

    def cancel(self, handle: Handle) -> None:
        """Cancel the job and wait until Slurm has ended it. Raises :class:`GristmillError` when it does not."""
        last = self._submission(handle.key)
        row = self._queue.active(last.name, last.index)
        if row is None:
            return
        write_whole(handle.run_dir / "cancel", "")
        slurm("scancel", row.id)
        deadline = time.monotonic() + CANCEL_SECONDS
        while self._queue.active(last.name, last.index) is not None:
            if time.monotonic() > deadline:
                raise GristmillError(f"Slurm has not ended job {row.id} within {CANCEL_SECONDS:.0f} s of scancel")
            time.sleep(0.5)
        self.poll(handle)

    def forget(self, key: str) -> None:
        """Let a job that has succeeded be run again at the next :meth:`submit`."""
        for name in ("DONE", "status.json", "slurm.json"):
            (self.root / key / name).unlink(missing_ok=True)

    def _asked(self, job: Job) -> SlurmConfig:
        """The settings of the request; the GPUs that the job uses if nobody said how many."""
        gpus = self.config.gpus or math.ceil(job.gpus / self.config.nodes)
        return self.config.model_copy(update={"gpus": gpus})

    def _going_on(self, key: str) -> Handle | None:
        known = self.find(key)
        if known is not None and self.poll(known).state in ("queued", "running", "succeeded"):
            return known
        return None

    def _prepare(self, job: Job, submission: Submission) -> None:
        """The run directory of a job that is about to be submitted; the intent is on file before Slurm hears of it."""
        run_dir = self.root / job.key
        begin(run_dir, job)
        argv = job.argv
        if self.config.python and argv[0] == sys.executable:
            argv = (self.config.python, *argv[1:])
        if self.config.nodes > 1:
            argv = ("srun", "--ntasks-per-node=1", "--kill-on-bad-exit=1", *argv)
        gpus = job.gpus or self.config.nodes * self.config.gpus
        placed = {"argv": argv, "gpus": gpus, "grace_seconds": self.config.grace_seconds}
        write_whole(run_dir / "job.json", job.model_copy(update=placed).model_dump_json())
        write_whole(run_dir / "slurm.json", submission.model_dump_json())

    def _sbatch(self, folder: Path, *options: str) -> str:
        """Submit ``folder/job.sbatch``; the number of the job."""
        path = folder / "job.sbatch"
        try:
            said = slurm("sbatch", "--parsable", *options, str(path), cwd=folder)
        except GristmillError as error:
            raise GristmillError(
                f"{error}\nWhat was submitted: sbatch {shlex.join((*options, str(path)))}\n"
                "Change what is asked for with --partition, --time and so on, or --set slurm.KEY=VALUE."
            ) from error
        self._queue.stale()
        return said.strip().partition(";")[0]

    def _submitted(self, key: str, number: str) -> Handle:
        run_dir = self.root / key
        known = self._submission(key).model_copy(update={"id": number})
        write_whole(run_dir / "slurm.json", known.model_dump_json())
        return Handle(key, run_dir, id=number)

    def _submission(self, key: str) -> Submission:
        run_dir = self.root / key
        path = run_dir / "slurm.json"
        if path.is_file():
            return Submission.model_validate_json(path.read_bytes())
        return Submission(name=_name(run_dir))

    def _job(self, handle: Handle) -> Job:
        return Job.model_validate_json((handle.run_dir / "job.json").read_bytes())

    def _unlisted(self, handle: Handle, status: Status, misses: int, gpus: int) -> Status:
        if misses < MISSES:
            return status.model_copy(update={"state": "running"}) if status.state in ENDED else status
        if status.state in ENDED:
            return status
        state = shown(handle.id)
        if state is None or state in WAITING or state in ON_NODES:
            return status
        state = state or accounted(handle.id)
        if state is not None:
            return self._ended(handle, status, state, gpus)
        if beats(status):
            return status
        ended = status.ended("lost", gpus, f"Slurm no longer lists job {handle.id}, and nothing says how it ended")
        return settled(handle.run_dir, ended)

    def _ended(self, handle: Handle, status: Status, state: str, gpus: int) -> Status:
        """The status of a job that Slurm says has ended."""
        if state == "COMPLETED":  # the file system may take a while to show the watcher's last word
            waits = time.monotonic() - self._completed.setdefault(handle.id, time.monotonic()) < SILENT_SECONDS
            return status if waits else settled(handle.run_dir, status.ended("lost", gpus, "it left no end behind"))
        now, reason = ENDS.get(state, ("lost", f"Slurm calls it {state}"))
        if status.state == "preempted" and now == "cancelled":
            # The watcher cannot tell who sent the signal; Slurm can.
            return settled(handle.run_dir, status.corrected(now, reason))
        return settled(handle.run_dir, status.ended(now, gpus, reason))


def _name(folder: Path) -> str:
    """The name of the job or array of a folder in Slurm: two lakes that train the same have a job each."""
    return f"gristmill-{folder.name}-{digest_text(str(folder))[:8]}"
