"""Which batch jobs a curation becomes, before any of them is submitted."""

import json
import os
from pathlib import Path

import pytest

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.flows.curate.ranges import Batch, plan_jobs
from gristmill.flows.curate.ranges_settings import RangesSettings
from gristmill.flows.curate.settings import CurateSettings
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
