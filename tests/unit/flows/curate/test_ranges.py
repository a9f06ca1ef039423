"""Which batch jobs a curation becomes, before any of them is submitted."""

import json
import os
import sys
from pathlib import Path

import pytest

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.flows.curate import ranges
from gristmill.flows.curate.ranges import Batch, follow_all, plan_jobs, run_ranges
from gristmill.flows.curate.ranges_settings import RangesSettings
from gristmill.flows.curate.settings import CurateSettings
from gristmill.flows.reporter import Reporter
from gristmill.tasks.launch.job import Job
from gristmill.tasks.launch.kubernetes_spec import KubernetesConfig
from tests.conftest import PROJECT

FILES = 12


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    folder = tmp_path / "crawl"
    folder.mkdir()
    for number in range(FILES):
        write(folder, number)
    return folder


def write(folder: Path, number: int) -> None:
    (folder / f"{number}.jsonl").write_text(json.dumps({"id": str(number), "text": f"page {number}"}) + "\n")


def planned(tmp_path: Path, *inputs: str, **others: object) -> Batch:
    values = {
        "source": "s",
        "inputs": inputs,
        "ranges": 4,
        "launcher": "slurm",
        "grouping": {"small_bytes": 0},
        **others,
    }
    return plan_jobs(RangesSettings.parse(values, "curate"), Lake.open(tmp_path / "lake"), tmp_path / "runs")


def keys(batch: Batch) -> set[str]:
    return {job.key for job in batch.ranges}


def test_a_new_input_changes_its_range_and_the_rest_alone(tmp_path: Path, crawl: Path) -> None:
    before = planned(tmp_path, str(crawl))
    assert len(before.ranges) == 4
    assert planned(tmp_path, str(crawl)) == before
    write(crawl, FILES)
    after = planned(tmp_path, str(crawl))
    assert len(keys(before) & keys(after)) == 3
    assert before.rest.key != after.rest.key


def test_what_changes_no_result_changes_no_key(tmp_path: Path, crawl: Path) -> None:
    before = planned(tmp_path, str(crawl))
    same = planned(tmp_path, str(crawl), workers=9, slurm={"partition": "other"}, at_once=3)
    assert (keys(same), same.rest.key, same.name) == (keys(before), before.rest.key, before.name)
    other = planned(tmp_path, str(crawl), policy="demo")
    assert not keys(other) & keys(before)


def test_a_range_without_inputs_is_no_job(tmp_path: Path, crawl: Path) -> None:
    batch = planned(tmp_path, str(crawl), ranges=500)
    parts = [job.argv[job.argv.index("--part") + 1] for job in batch.ranges]
    assert 1 < len(parts) <= FILES
    assert all(part.endswith("/500") for part in parts)
    assert "--part" not in batch.rest.argv


def test_a_job_is_told_absolute_paths(tmp_path: Path, crawl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    policy = (PROJECT / "tasks" / "filtering" / "policies" / "demo.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(policy)
    batch = planned(tmp_path, "crawl", policy="mine.yaml")
    (place,) = {job.argv[job.argv.index("--config") + 1] for job in [batch.rest]}
    told = CurateSettings.load(Path(place))
    assert (told.inputs, told.policy) == ((str(crawl),), str(tmp_path / "mine.yaml"))
    assert batch.rest.argv[batch.rest.argv.index("--lake") + 1] == os.path.realpath(tmp_path / "lake")
    assert keys(batch) == keys(planned(tmp_path, str(crawl), policy=str(tmp_path / "mine.yaml")))
    (tmp_path / "mine.yaml").write_text(policy + "# the same rules\n")
    assert keys(batch) == keys(planned(tmp_path, "crawl", policy="mine.yaml"))
    assert not keys(batch) & keys(planned(tmp_path, "crawl", policy="fineweb@code"))


def test_settings_that_do_not_fit_together_are_refused(tmp_path: Path, crawl: Path) -> None:
    with pytest.raises(UsageError, match="leave part out"):
        planned(tmp_path, str(crawl), part="1/2")
    with pytest.raises(UsageError, match="runs on one node"):
        planned(tmp_path, str(crawl), slurm={"nodes": 2})


# -- on Kubernetes ----------------------------------------------------------------------------------------------------

ASKED = {"launcher": "kubernetes", "source": "s", "inputs": ("crawl",)}
PODS = {"image": "team/gristmill:1", "claim": "lake"}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "needs kubernetes.image"),
        ({"kubernetes": PODS, "part": "1/2"}, "with kubernetes each job gets its part"),
        ({"kubernetes": PODS, "slurm": {"cpus": 4}}, "Give --set kubernetes.cpus=4"),
        ({"kubernetes": PODS | {"kind": "trainjob", "nodes": 2}}, "a range is a job"),
    ],
)
def test_what_kubernetes_cannot_do_is_refused(more: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        RangesSettings.parse(ASKED | more, "curate")


def test_inputs_that_pods_do_not_see_are_refused(tmp_path: Path, crawl: Path) -> None:
    pytest.importorskip("kubernetes")
    settings = RangesSettings.parse(ASKED | {"inputs": (str(crawl),), "kubernetes": PODS}, "curate")
    with pytest.raises(UsageError, match=r"crawl is not below .*lake, .*--set kubernetes.mount=FOLDER"):
        run_ranges(settings, Lake.open(tmp_path / "lake"), Reporter())


def test_ranges_run_as_jobs_of_kubernetes_so_many_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("kubernetes")
    from gristmill.tasks.launch.kubernetes import KubernetesLauncher
    from tests.helpers.kubernetes import fake_kubernetes

    monkeypatch.setattr(ranges, "POLL_SECONDS", 0.05)
    code = "import os, time; open('begun', 'w').close(); time.sleep(0.2)"
    jobs = [Job(key=f"s-{n}", argv=(sys.executable, "-c", code)) for n in range(3)]
    config = KubernetesConfig.parse(PODS | {"python": sys.executable, "poll_seconds": 0.0}, "kubernetes")
    told: list[str] = []
    with fake_kubernetes(tmp_path) as cluster:
        launcher = KubernetesLauncher(tmp_path / "log" / "ranges", config, tmp_path)
        follow_all(launcher, jobs, [], lambda count=1, note="": told.append(note), at_once=1)
        assert len(cluster.objects) == 3
        sent = {name: entry["metadata"]["uid"] for name, entry in cluster.objects.items()}
        follow_all(launcher, jobs, [], lambda count=1, note="": None)
        assert {name: entry["metadata"]["uid"] for name, entry in cluster.objects.items()} == sent, "one ran again"
    going = [note.split() for note in told if "running" in note]
    assert all(int(words[0]) + int(words[2]) <= 3 and int(words[0]) <= 1 for words in going)
    ends = [(launcher.root / job.key / "DONE").stat().st_mtime_ns for job in jobs]
    begins = [(launcher.root / job.key / "begun").stat().st_mtime_ns for job in jobs]
    assert all(begin > end for begin, end in zip(begins[1:], ends, strict=False)), "two ran at the same time"
