"""``gristmill takedown`` killed by SIGKILL in its work, and finished by ``--resume``."""

import os
import signal
import subprocess
import time
from pathlib import Path

from gristmill.flows.takedown.journal import unfinished
from gristmill.flows.takedown.proof.needles import Finder, value_needles
from gristmill.flows.takedown.proof.search import search
from gristmill.flows.upkeep.verify import verify
from tests.helpers.cli import GRISTMILL, gristmill
from tests.helpers.taken_lake import PLANTED, make_taken_lake

LONGEST_S = 300.0


def test_killed_in_its_work_and_resumed(tmp_path: Path) -> None:
    lake = make_taken_lake(tmp_path).lake
    values = tmp_path / "values.txt"
    values.write_text(PLANTED, encoding="utf-8")
    words = ("takedown", "--match", str(values), "--lake", str(lake.root), "--as", "Ann")
    with subprocess.Popen([GRISTMILL, *words], stderr=subprocess.PIPE) as running:
        deadline = time.monotonic() + LONGEST_S
        while running.poll() is None and not list((lake.root / "takedowns").glob("*/changes.jsonl")):
            assert time.monotonic() < deadline
        os.kill(running.pid, signal.SIGKILL)
    killed = bool(unfinished(lake))
    ended = gristmill("takedown", "--resume", "--lake", str(lake.root), "--json")
    assert ended.code == 0, ended.err
    assert [entry["by"] for entry in ended.json()] == (["Ann"] if killed else [])
    assert not unfinished(lake)
    assert not search(lake.root, Finder(value_needles(PLANTED, 1))).hits
    assert not verify(lake, move=False).damaged
