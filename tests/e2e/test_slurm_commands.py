"""``gristmill curate`` and ``gristmill train`` on a real Slurm of this machine (tests/helpers/slurm.py)."""

import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from gristmill.core.lake import Lake
from gristmill.tasks.launch.job import read_status
from tests.conftest import PROJECT
from tests.helpers.corpus import prose
from tests.helpers.slurm import Cluster
from tests.helpers.warm import command

pytestmark = pytest.mark.e2e


def test_curate_and_train_through_batch_jobs(
    tmp_path: Path, cluster: Cluster, commands: Path, prefect_server: str
) -> None:
    """An array for the curation, which a second run does not submit again; then a model on what it kept."""
    crawl = tmp_path / "crawl"
    crawl.mkdir()
    for number in range(6):
        pages = ["\n\n".join(prose(random.Random(f"{number} {n}"), 12)) for n in range(4)]
        rows = [{"id": f"{number}-{n}", "text": page, "url": f"http://p.example/{n}"} for n, page in enumerate(pages)]
        (crawl / f"{number}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lake = tmp_path / "lake"
    environment = {name: os.environ[name] for name in ("SLURM_CONF", "PATH")} | {"PREFECT_API_URL": prefect_server}
    on_slurm = ("--launcher", "slurm", "--set", "slurm.poll_seconds=0.5", "--lake", str(lake), "--json")
    warm = ("--set", f"slurm.python={warm_python(tmp_path / 'python', commands, prefect_server)}")

    def run(*words: str) -> Any:
        ended = command(commands, words, environment=environment, timeout=300)
        assert ended.code == 0, ended.err
        return ended.json()

    words = (
        "curate",
        "--input",
        str(crawl),
        "--source",
        "s",
        "--policy",
        "demo",
        "--group-below",
        "0",
        "--ranges",
        "2",
    )
    first = run(*words, *on_slurm, *warm)
    assert (first["records"], first["kept"]) == (24, 24)
    submitted = {path: path.read_bytes() for path in (lake / "log" / "ranges").glob("*/slurm.json")}
    indexes = [json.loads(text)["index"] for text in submitted.values()]
    assert sorted(indexes, key=str) == [0, 1, None], "an array of two ranges, and a job for the rest"
    assert run(*words, *on_slurm, *warm) == first
    assert {path: path.read_bytes() for path in submitted} == submitted

    run(
        "mix",
        "--method",
        "uniform",
        "--target-tokens",
        "10000",
        "--set",
        "vocabulary=300",
        "--lake",
        str(lake),
        "--json",
    )
    counts = run("train", "--checkpoints", "2", "--set", "batch_rows=4", "--cpus", "1", *on_slurm)
    assert counts == {"runs": 1, "checkpoints": 2}
    (run_dir,) = (path.parent for path in (lake / "log" / "training").glob("*/job.sbatch"))
    status = read_status(run_dir)
    assert (status.state, status.step, status.attempt) == ("succeeded", status.steps, 1)
    home = Lake.open(lake)
    trained = [row for ref in home.expect("training", "default").tables["runs"] for row in home.read(ref).to_pylist()]
    assert [row["launcher"] for row in trained] == ["slurm"]


def warm_python(path: Path, commands: Path, server: str) -> Path:
    """An interpreter for the nodes that hands ``gristmill`` to a process with its imports behind it: a cold curation
    spends 25 seconds of processor on them."""
    code = (
        "import pathlib, sys; from tests.helpers.warm import command;"
        "ended = command(pathlib.Path(sys.argv[1]), sys.argv[3:], {'PREFECT_API_URL': sys.argv[2]}, 300);"
        "print(ended.out, ended.err); sys.exit(ended.code)"
    )
    path.write_text(
        "#!/bin/sh\n"
        f'if [ "$4" = gristmill.flows.cli.app ]; then shift 4; export PYTHONPATH={PROJECT};'
        f' exec {sys.executable} -c "{code}" {commands} {server} "$@"; fi\n'
        f'exec {sys.executable} "$@"\n'
    )
    path.chmod(0o755)
    return path
