"""Law 4: the process group of a curation is killed ten times, and the finished lake is that of an undisturbed run.

A moment is drawn as a share of the files that an undisturbed run writes, plus a random fraction of a second, so the
kills fall all over the work on a fast machine and on a slow one; every second kill waits for a file that is just being
written, the others do not, and one falls before the first file. A command begins with its imports done.
"""

import contextlib
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from gristmill.core.lake import Lake
from tests.helpers.cli import Ended, data_files
from tests.helpers.corpus import curation, milled
from tests.helpers.warm import Command, begun

KILLS = 10
SEED = 20261122
RUN_SECONDS = 300.0


def written(lake: Path) -> int:
    """Files that stand under ``data`` and ``catalog`` by now."""
    return sum(len(files) for part in ("data", "catalog") for _, _, files in os.walk(lake / part))


def writing(lake: Path) -> bool:
    """Whether a file is being written."""
    return any(files for _, _, files in os.walk(lake / "tmp"))


def kill_at(
    begin: Callable[[IO[bytes]], AbstractContextManager[Command]],
    lake: Path,
    threshold: int,
    delay: float,
    in_a_write: bool,
) -> bool:
    """Begin a run and kill its group at a moment. False when it had finished its work before."""
    with tempfile.TemporaryFile() as err, begin(err) as running:
        deadline = time.monotonic() + RUN_SECONDS
        while running.ended(0.01) is None and written(lake) < threshold:
            assert time.monotonic() < deadline, "the run made no progress"
        running.ended(delay)
        while in_a_write and running.ended(0.001) is None and not writing(lake):
            pass
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.process, signal.SIGKILL)
        code = running.ended(RUN_SECONDS)
        err.seek(0)
        assert code in (0, -signal.SIGKILL), err.read().decode()
    return code != 0


def test_ten_kills_cost_nothing(
    once: Callable[[str, Callable[[Path], None]], Path],
    run: Callable[..., Ended],
    commands: Path,
    prefect_server: str,
    tmp_path: Path,
) -> None:
    undisturbed = once("milled", lambda folder: milled(folder, run))
    expected = data_files(undisturbed / "lake")
    lake = tmp_path / "lake"
    words = curation(undisturbed / "crawl", lake)
    moments = random.Random(SEED)
    thresholds = [0, *sorted(moments.sample(range(1, len(expected)), KILLS - 1))]

    def begin(err: IO[bytes]) -> AbstractContextManager[Command]:
        return begun(commands, words, {"PREFECT_API_URL": prefect_server}, err, err)

    kills, unfinished, standing = 0, 0, set[int]()
    while kills < KILLS:
        threshold = max(thresholds[kills], written(lake) + 1) if kills else 0
        if kill_at(begin, lake, threshold, moments.uniform(0, 0.3), kills % 2 == 1):
            kills += 1
            standing.add(written(lake))
            unfinished += writing(lake)
        else:  # it was done before its moment came: that must hold too, and the other kills begin anew
            assert data_files(lake) == expected
            shutil.rmtree(lake)
        # A pointer of the catalog moves on while a run works; a data file is written once.
        found = {name: content for name, content in data_files(lake).items() if name.startswith("data/")}
        wrong = [name for name, content in found.items() if expected.get(name) != content]
        assert not wrong, "files that stand are not those of an undisturbed run"
    assert len(standing) >= KILLS // 2, "the kills fell into too few places of the work"
    assert unfinished >= 2, "too few kills fell into the writing of a file"

    ended = run(*words)
    assert ended.code == 0, ended.err
    assert data_files(lake) == expected
    assert ended.out == (undisturbed / "out.json").read_text(encoding="utf-8")
    Lake.open(lake)
    left = [path for path in lake.rglob("*") if "prefect" not in path.parts and ".tmp" in path.name]
    assert not left
    assert not list((lake / "tmp").iterdir())
    kept = run("query", "select count(*) as n from curated", "--lake", str(lake), "--json").json()
    assert kept == [{"n": ended.json()["kept"]}]
