"""``gristmill curate``, ``mix`` and ``train`` on a real Slurm of this machine (tests/helpers/slurm.py)."""

import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gristmill.core.lake import Lake
from gristmill.tasks.launch.job import read_status
from tests.conftest import PROJECT
from tests.helpers.corpus import prose
from tests.helpers.slurm import Cluster
from tests.helpers.warm import command

pytestmark = pytest.mark.e2e

SETTINGS = {
    "target_tokens": 10_000,
    "vocabulary": 300,
    "heldout_share": 0.2,
    "domains": {"rules": [{"domain": "odd", "host": ["odd.example"]}], "rest": "even"},
    "mixtures": [
        {
            "name": "learned",
            "method": "swarm",
            "options": {
                "budget": {"steps": 4, "batch_rows": 2, "row_tokens": 17, "width": 16, "layers": 1, "heads": 2},
                "design": {"trials_per_domain": 1, "proportional_seeds": 2, "extreme_seeds": 0},
                "fit": {"bootstraps": 20, "permutations": 99},
            },
        }
    ],
}


def test_curate_mix_and_train_through_batch_jobs(
    tmp_path: Path, cluster: Cluster, commands: Path, prefect_server: str
) -> None:
    """An array for the curation, which a second run does not submit again; the trials of a swarm over what it kept, in
    two domains; then a model on the mixture they gave."""
    crawl = tmp_path / "crawl"
    crawl.mkdir()
    for number in range(6):
        pages = ["\n\n".join(prose(random.Random(f"{number} {n}"), 12)) for n in range(4)]
        host = "odd.example" if number % 2 else "even.example"
        rows = [{"id": f"{number}-{n}", "text": page, "url": f"http://{host}/{n}"} for n, page in enumerate(pages)]
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

    settings = tmp_path / "mix.yaml"
    settings.write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
    told = run("mix", "--method", "swarm", "--config", str(settings), *on_slurm)
    trials = {row["trial"] for row in told["trials"]}
    assert trials == {path.parent.name for path in (lake / "log" / "trials").glob("*/outcome.json")}
    assert {row["domain"] for row in told["trials"]} == {"odd", "even"}
    assert list((lake / "log").glob("trials/**/job.sbatch"))
    counts = run("train", "--unsigned", "--checkpoints", "2", "--set", "batch_rows=4", "--cpus", "1", *on_slurm)
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
