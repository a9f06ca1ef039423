"""A curation as jobs of Slurm or Kubernetes: one for each range of the inputs, then one that does the rest.

Each job is ``gristmill curate --part i/n`` on a lake that the nodes share, and the last one the same without a part,
which finds the ranges cached. The key of a job holds what its range reads and how, so a second run submits nothing that
is done, and after new inputs only the ranges that hold them.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.core.digests import digest_file, digest_folder, digest_json
from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.files.atomic import write_whole
from gristmill.core.lake import Lake
from gristmill.core.steps.kinds import DOWNLOADS
from gristmill.flows.curate.parts import part_of
from gristmill.flows.curate.ranges_settings import RangesSettings
from gristmill.flows.curate.settings import CurateSettings
from gristmill.flows.prefect.home import PER_NODE
from gristmill.flows.reporter import Advance, Reporter
from gristmill.tasks.filtering.policy import load_policy
from gristmill.tasks.ingest.discovery import find_inputs
from gristmill.tasks.ingest.grouping import group_files
from gristmill.tasks.launch.job import FINAL, Handle, Job, Launcher, Status
from gristmill.tasks.launch.slurm import SlurmLauncher

if TYPE_CHECKING:
    from gristmill.tasks.launch.kubernetes import KubernetesLauncher

POLL_SECONDS = 1.0
SHOWN = 3
MOST_PREEMPTIONS = 20
FILES = ("policy", "language_model", "classifier", "url_lists", "decontaminate", "robots", "harm")


@dataclass(frozen=True)
class Batch:
    """The jobs of a curation: the ranges that hold anything, under the name of their array, and the rest."""

    name: str
    ranges: tuple[Job, ...]
    rest: Job


def plan_jobs(settings: RangesSettings, lake: Lake, root: Path) -> Batch:
    """The jobs below ``root``. Reads every local input once for its digest, as each of the jobs does.

    Raises ``UsageError`` for inputs that are not there.
    """
    plain = placed(settings.plain())
    found = find_inputs(
        plain.inputs, lake.root / DOWNLOADS, follow_links=plain.follow_links, allow_unread=plain.allow_damage
    )
    sources = group_files(found.files, plain.grouping)
    lasting = {name: value for name, value in plain.lasting().items() if name not in files_of(plain)}
    how = [lasting, load_policy(plain.policy).model_dump(mode="json"), contents(plain), version("gristmill")]
    argv = (sys.executable, "-P", "-u", "-m", "gristmill.flows.cli.app", "curate", "--lake", str(lake.root.resolve()))

    def job(shards: Sequence[str], *words: str) -> Job:
        key = f"{plain.source}-{digest_json([how, list(shards), list(words)])[:20]}"
        folder = root / key
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "settings.json", json.dumps(plain.model_dump(mode="json", exclude_unset=True), indent=1))
        # A server for each node: the lake's own keeps its database in a file, which two machines must not share.
        return Job(
            key=key,
            argv=(*argv, "--config", str(folder / "settings.json"), *words),
            environment={PER_NODE: "1"},
            progress_pattern=r"^(\S.*)$",
        )

    names = {
        f"{i}/{settings.ranges}": part_of(sources, f"{i}/{settings.ranges}") for i in range(1, settings.ranges + 1)
    }
    jobs = [job([source.shard for source in held], "--part", part) for part, held in names.items() if held]
    rest = job([source.shard for source in sources])
    return Batch(f"{plain.source}-ranges-{digest_json([entry.key for entry in jobs])[:12]}", tuple(jobs), rest)


def run_ranges(settings: RangesSettings, lake: Lake, report: Reporter) -> dict[str, Any]:
    """Submit what is not done, follow it to its end, and give the counts of the committed dataset.

    Raises :class:`GristmillError` when a job fails, with its last words and where its output is, and ``UsageError`` for
    inputs that pods would not see.
    """
    root = lake.root / "log" / "ranges"
    launcher: SlurmLauncher | KubernetesLauncher
    if settings.launcher == "slurm":
        cpus = settings.slurm.cpus or settings.workers
        launcher = SlurmLauncher(root, settings.slurm.model_copy(update={"cpus": cpus}))
    else:
        launcher = _kubernetes(settings, lake, root)
    batch = plan_jobs(settings, lake, launcher.root)
    with report.track("ranges", len(batch.ranges), "jobs") as advance:
        # Slurm counts the jobs of an array by itself.
        handles = (
            launcher.submit_all(batch.ranges, batch.name, settings.at_once)
            if isinstance(launcher, SlurmLauncher)
            else []
        )
        follow_all(launcher, batch.ranges, handles, advance, settings.at_once)
    made = launcher.root / batch.rest.key / "dataset"
    current = lake.dataset("curation", settings.source)
    if made.is_file() and (current is None or current.key != made.read_text(encoding="utf-8")):
        launcher.forget(batch.rest.key)  # another curation of this source was made since
    with report.track("deduplicate and commit", 1, "jobs") as advance:
        follow_all(launcher, [batch.rest], [], advance)
    dataset = lake.expect("curation", settings.source)
    write_whole(made, dataset.key)
    return dataset.counts


def _kubernetes(settings: RangesSettings, lake: Lake, root: Path) -> "KubernetesLauncher":
    """The launcher. Raises ``UsageError`` for a local input that is not on the volume which pods mount."""
    from gristmill.tasks.launch.kubernetes import KubernetesLauncher

    config = settings.kubernetes
    mount = (config.mount or lake.root).resolve()
    plain = placed(settings.plain())
    named = [*(Path(entry) for entry in plain.inputs if "://" not in entry), *files_of(plain).values()]
    for path in named:
        if not path.resolve().is_relative_to(mount):
            raise UsageError(
                f"{path} is not below {mount}, which is all that pods see of this machine. Put it there, or mount a "
                "folder that holds both with --set kubernetes.mount=FOLDER"
            )
    return KubernetesLauncher(root, config.model_copy(update={"cpus": config.cpus or str(settings.workers)}), mount)


def follow_all(
    launcher: Launcher, jobs: Sequence[Job], handles: Sequence[Handle], advance: Advance, at_once: int = 0
) -> None:
    """Wait until all jobs have ended; those that are preempted are submitted again.

    Those without a handle are submitted here, at most ``at_once`` at a time (0: all). Raises :class:`GristmillError`
    for those that did not succeed, when the others have ended.
    """
    following = {handle.key: handle for handle in handles}
    by_key = {job.key: job for job in jobs}
    ahead = [job for job in jobs if job.key not in following]
    failed: list[tuple[Handle, Status]] = []
    while following or ahead:
        while ahead and (not at_once or len(following) < at_once):
            job = ahead.pop(0)
            following[job.key] = launcher.submit(job)
        states = Counter[str]()
        for key, handle in list(following.items()):
            status = launcher.poll(handle)
            states[status.state] += 1
            if status.state == "preempted" and status.preemptions < MOST_PREEMPTIONS:
                following[key] = launcher.submit(by_key[key])
            elif status.state in FINAL or status.state == "preempted":
                del following[key]
                advance(1, status.state)
                if status.state != "succeeded":
                    failed.append((handle, status))
        if following:
            waiting = states["queued"] + len(ahead)
            advance(0, f"{states['running']:,} running, {waiting:,} waiting")
            time.sleep(POLL_SECONDS * max(1, len(following) / 50))  # each poll reads some small files
    if failed:
        lines = [f"{handle.key} {status.state}: {status.reason}" for handle, status in failed[:SHOWN]]
        lines.append(
            f"{len(failed)} of {len(jobs)} jobs did not succeed. Their output is in {failed[0][0].run_dir}/log"
        )
        lines.append("and beside it. Run the same command again: what is done is not submitted again.")
        raise GristmillError("\n".join(lines))


def placed(settings: CurateSettings) -> CurateSettings:
    """The settings with absolute paths: a job runs in a folder of its own."""
    found = {name: str(path.absolute()) for name, path in files_of(settings).items()}
    inputs = tuple(entry if "://" in entry else str(Path(entry).expanduser().absolute()) for entry in settings.inputs)
    return settings.model_copy(update={**found, "inputs": inputs})


def contents(settings: CurateSettings) -> dict[str, str]:
    """Digests of the models and lists that the settings name by path."""
    named = {name: path for name, path in files_of(settings).items() if name != "policy"}
    return {name: digest_folder(path) if path.is_dir() else digest_file(path) for name, path in named.items()}


def files_of(settings: CurateSettings) -> dict[str, Path]:
    """Which settings name a file or folder that is there."""
    values: dict[str, str | None] = settings.model_dump(include=set(FILES))
    paths = {name: Path(value).expanduser() for name, value in values.items() if value is not None}
    return {name: path for name, path in paths.items() if path.exists()}
