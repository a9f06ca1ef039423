"""The Ray engine on a cluster of two nodes: the lake that one machine makes, and a node that dies costs nothing."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.cli import Ended, data_files
from tests.helpers.corpus import curation, milled

ray_cluster = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed (pip install 'gristmill[ray]')")
Run = Callable[..., Ended]


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head without processors and two nodes with one each."""
    found = ray_cluster.Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        for _ in range(2):
            found.add_node(num_cpus=1)
        yield found
    finally:
        found.shutdown()


def test_a_cluster_makes_the_same_lake_and_survives_the_loss_of_a_node(
    cluster: Any,
    once: Callable[[str, Callable[[Path], None]], Path],
    tmp_path: Path,
    run: Run,
) -> None:
    mill = once("milled", lambda folder: milled(folder, run))
    lake = tmp_path / "lake"
    words = curation(mill / "crawl", lake, "--engine", "ray", "--ray-address", cluster.address)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, *words)
        while not (lake / "data" / "manifests" / "extract").is_dir():
            assert not running.done(), running.result().err
            time.sleep(0.05)
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        done = len(list((lake / "data" / "manifests" / "extract").rglob("*.json")))
        ended = running.result()
    assert ended.code == 0, ended.err
    assert done < len(list((mill / "crawl").iterdir())), "the node was lost too late to matter"
    assert data_files(lake) == data_files(mill / "lake")
    assert ended.out == (mill / "out.json").read_text(encoding="utf-8")
