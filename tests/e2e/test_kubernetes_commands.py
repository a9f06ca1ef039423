"""``gristmill train --launcher kubernetes`` against an API server on loopback that runs pods on this machine."""

import os
import sys
from pathlib import Path

import pytest
import yaml

from gristmill.core.lake import Lake
from gristmill.tasks.launch.job import read_status
from tests.helpers.kubernetes import fake_kubernetes
from tests.helpers.training_inputs import make_inputs, mix_in
from tests.helpers.warm import command

pytestmark = pytest.mark.e2e
pytest.importorskip("kubernetes")


def test_train_runs_a_job_and_takes_what_it_saves(tmp_path: Path, commands: Path, prefect_server: str) -> None:
    home = Lake.open(tmp_path / "lake")
    mix_in(home, make_inputs(tmp_path))
    asked = ("--image", "team/gristmill:1", "--claim", "lake", "--queue", "research")
    here = ("--set", f"kubernetes.python={sys.executable}", "--set", "kubernetes.poll_seconds=0.5")
    here += ("--set", "heldout_every=0", "--set", "batch_rows=60")
    words = (
        "train",
        "--unsigned",
        "--mix",
        "default",
        "--checkpoints",
        "1",
        "--launcher",
        "kubernetes",
        "--lake",
        str(home.root),
        "--json",
    )
    with fake_kubernetes(tmp_path) as cluster:
        environment = {"KUBECONFIG": os.environ["KUBECONFIG"], "PREFECT_API_URL": prefect_server}
        ended = command(commands, (*words, *asked, *here), environment=environment, timeout=300)
        assert ended.code == 0, ended.err
        (name,) = cluster.objects
    (run_dir,) = (path.parent for path in (home.root / "log" / "training").glob("*/kubernetes.yaml"))
    sent = yaml.safe_load((run_dir / "kubernetes.yaml").read_text())
    assert (sent["metadata"]["name"], sent["metadata"]["labels"]["kueue.x-k8s.io/queue-name"]) == (name, "research")
    pod = sent["spec"]["template"]["spec"]
    assert pod["containers"][0]["volumeMounts"][0] == {"name": "lake", "mountPath": str(home.root)}
    status = read_status(run_dir)
    assert (status.state, status.step, status.attempt) == ("succeeded", status.steps, 1)
    refs = Lake.open(home.root).expect("training", "default").tables["runs"]
    rows = [row for ref in refs for row in home.read(ref).to_pylist()]
    assert [row["launcher"] for row in rows] == ["kubernetes"]
