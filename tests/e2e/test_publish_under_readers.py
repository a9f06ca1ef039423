"""Twenty publishes under six reading processes, and builders killed at random moments: no error, no torn read."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from gristmill.core.lake import Lake
from gristmill.warehouse.build.publish import publish, rebuild
from gristmill.warehouse.connection import Warehouse
from tests.helpers.small_lake import commit, doc_id

PUBLISHES = 20
READERS = 6
READER = """
import json, sys, time
from pathlib import Path
from gristmill.warehouse.connection import Warehouse

warehouse = Warehouse.open(Path(sys.argv[1]))
stop = Path(sys.argv[2])
versions, reads, last = [], 0, 0
print("ready", flush=True)
while True:
    finished = stop.exists()
    row = warehouse.query('''
        SELECT (SELECT count(*) FROM losses) AS losses, (SELECT count(*) FROM scores) AS scores,
               (SELECT sum(step) FROM losses) AS steps, (SELECT sum(n) FROM scores) AS n,
               (SELECT max(tokens) FROM losses) AS round, (SELECT count(DISTINCT tokens) FROM losses) AS rounds,
               (SELECT version FROM build) AS version
    ''')[0]
    assert row["losses"] == row["scores"] == 200 * row["round"], row
    assert row["steps"] == row["n"], row
    assert row["rounds"] == 1, row
    assert row["round"] >= last, (row, last)
    last, reads = row["round"], reads + 1
    if row["version"] not in versions:
        versions.append(row["version"])
    if finished:
        break
    time.sleep(0.05)
print(json.dumps({"reads": reads, "versions": len(versions), "last": last}))
"""
BUILDER = """
import sys
from pathlib import Path
from gristmill.core.lake import Lake
from gristmill.warehouse.build.publish import rebuild

print("start", flush=True)
rebuild(Lake(Path(sys.argv[1])))
"""


def fill(lake: Lake, round: int) -> None:
    """Round ``n`` has 200 n rows in two tables whose sums agree; a reader that mixes two rounds sees it."""
    numbers = range(200 * round)
    losses = [{"run": "r", "step": i, "tokens": round, "loss": 1.0, "learning_rate": 0.1} for i in numbers]
    scores = [
        {
            "checkpoint": doc_id("c"),
            "suite": "s",
            "area": "code",
            "metric": "m",
            "convention": "m",
            "headline": True,
            "subset": str(i),
            "value": 0.0,
            "low": 0.0,
            "high": 0.0,
            "n": i,
            "chance": None,
            "above_chance": None,
            "higher_is_better": True,
            "method": "none",
            "failures": 0,
            "jail_tier": "",
        }
        for i in numbers
    ]
    commit(lake, "training", "t", {"losses": {"all": losses}})
    commit(lake, "evaluation", "t", {"scores": {"all": scores}})


def test_twenty_publishes_under_six_readers(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    fill(lake, 1)
    publish(lake)
    stop = tmp_path / "stop"
    command = [sys.executable, "-c", READER, str(lake.root), str(stop)]
    readers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(READERS)
    ]
    try:
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "ready\n"
        for round in range(2, PUBLISHES + 2):
            fill(lake, round)
            assert publish(lake, keep=10, grace_seconds=0.0).built
        stop.touch()
        for reader in readers:
            out, error = reader.communicate(timeout=120)
            assert reader.returncode == 0, error
            seen = json.loads(out)
            assert seen["last"] == PUBLISHES + 1
            assert seen["versions"] >= 3, "a reader that never saw a swap proves nothing"
            assert seen["reads"] >= seen["versions"]
    finally:
        for reader in readers:
            if reader.poll() is None:
                reader.kill()
    assert len(list((lake.root / "warehouse").glob("warehouse-*.duckdb"))) == 10


def test_a_builder_killed_at_any_moment_costs_nothing(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake")
    fill(lake, 20)
    first = publish(lake)
    fill(lake, 30)
    moments = random.Random(20261122)
    killed = unfinished = 0
    for _ in range(8):
        builder = subprocess.Popen(
            [sys.executable, "-c", BUILDER, str(lake.root)], stdout=subprocess.PIPE, start_new_session=True
        )
        assert builder.stdout is not None
        assert builder.stdout.readline() == b"start\n"
        time.sleep(moments.uniform(0.0, 0.4))
        if builder.poll() is None:
            os.killpg(builder.pid, signal.SIGKILL)
            killed += 1
        builder.wait(timeout=240)
        builder.stdout.close()
        unfinished += any((lake.root / "warehouse").glob("*.tmp*"))
        row = Warehouse.open(lake.root).query("SELECT count(*) AS losses, max(tokens) AS round FROM losses")[0]
        assert row["losses"] == 200 * row["round"]
        assert row["round"] in (20, 30)
    assert killed >= 3
    assert unfinished >= 1, "no kill fell into a build, so nothing was proved"
    after = rebuild(lake)
    assert after.version > first.version
    assert Warehouse.open(lake.root).query("SELECT max(tokens) AS round FROM losses") == [{"round": 30}]
    assert not list((lake.root / "warehouse").glob("*.tmp*"))
