"""The local engine: as many shards at once as there are workers, and no further one after a failure."""

import threading
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from gristmill.core.config import Config
from gristmill.core.lake import Lake
from gristmill.core.steps.inputs import Inputs, SourceFile
from gristmill.core.steps.kinds import source_step
from gristmill.flows.engines.engine import Fan, Work
from gristmill.flows.engines.local import LocalEngine, threads
from gristmill.schemas.tables import Losses

SHARDS = 12


class Seen:
    """Which shards ran, and how many of them at once."""

    def __init__(self, wrong: str = "") -> None:
        self.names: list[str] = []
        self.now = self.most = 0
        self._wrong, self._lock = wrong, threading.Lock()

    def run(self, source: SourceFile, config: Config) -> pa.Table:
        with self._lock:
            self.names.append(source.name)
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.2)
        with self._lock:
            self.now -= 1
        if source.name == self._wrong:
            raise ValueError("this shard is wrong")
        return Losses.schema.empty_table()


def fan_out(seen: Seen, workers: int, lake: Lake) -> list[int]:
    """Run a step over shards in a flow; the positions that were told to be finished."""
    step = source_step("seen", version=1, writes=(Losses,))(seen.run)
    sources = [SourceFile(Path(), f"s{number}", f"{number:032x}") for number in range(SHARDS)]
    work = [Work(source.shard, Inputs(source=source), source.name, Config()) for source in sources]
    told: list[int] = []

    @flow(name="fan", task_runner=threads())
    def run() -> None:
        fan = Fan(step, work, lake, "seen")
        LocalEngine(workers).map(fan, lambda position, result: told.append(position))

    run()
    return told


@pytest.fixture
def server(prefect_server: str) -> Any:
    with temporary_settings({PREFECT_API_URL: prefect_server}):
        yield


@pytest.mark.usefixtures("server")
def test_as_many_shards_run_at_once_as_there_are_workers(tmp_path: Path) -> None:
    seen = Seen()
    assert sorted(fan_out(seen, 3, Lake.open(tmp_path / "lake"))) == list(range(SHARDS))
    assert (len(seen.names), seen.most) == (SHARDS, 3)


@pytest.mark.usefixtures("server")
def test_a_failure_starts_no_further_shard_and_ends_those_that_run(tmp_path: Path) -> None:
    seen = Seen(wrong="s2")
    with pytest.raises(ValueError, match="this shard is wrong"):
        fan_out(seen, 2, Lake.open(tmp_path / "lake"))
    assert seen.now == 0
    assert {"s0", "s1", "s2"} <= set(seen.names)
    assert len(seen.names) <= 5
