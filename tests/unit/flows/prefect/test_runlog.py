"""The record of a flow run says how it ended, also when its process could not say so itself."""

import errno
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from gristmill.core.errors import GateError, UsageError
from gristmill.core.lake import Lake
from gristmill.flows.cli import app as cli
from gristmill.flows.cli.app import error_behind, told_of
from gristmill.flows.prefect.run_log import ABANDONED, close_abandoned, is_abandoned, record_run
from gristmill.warehouse.build.load import FlowRun

HANGS = """
import sys, time
from pathlib import Path
from gristmill.flows.prefect.run_log import record_run
from gristmill.core.lake import Lake

with record_run(Lake.open(Path(sys.argv[1])), "curate", "killed") as record:
    record.counts["kept"] = 1
    print(record.run_id, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake")


def entry(lake: Lake, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((lake.root / "log" / "runs" / f"{run_id}.json").read_bytes())
    return found


def change(lake: Lake, run_id: str, **values: object) -> None:
    path = lake.root / "log" / "runs" / f"{run_id}.json"
    path.write_text(json.dumps(entry(lake, run_id) | values), encoding="utf-8")


def test_a_run_that_succeeds_is_recorded_with_its_counts(lake: Lake) -> None:
    with record_run(lake, "mix", "default") as record:
        assert entry(lake, record.run_id)["status"] == "running"
        record.counts["tokens"] = 5
    found = entry(lake, record.run_id)
    assert (found["status"], found["counts"], found["error"]) == ("succeeded", {"tokens": 5}, None)
    assert found["finished_at"] >= found["started_at"]


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ValueError("no room"), "failed", "no room"),
        (KeyboardInterrupt(), "failed", "KeyboardInterrupt"),
        (GateError("rows"), "stopped_by_gate", "rows"),
    ],
)
def test_a_run_that_fails_is_recorded_with_its_reason(lake: Lake, error: BaseException, status: str, text: str) -> None:
    with pytest.raises(type(error)), record_run(lake, "mix", "default") as record:
        raise error
    assert (entry(lake, record.run_id)["status"], entry(lake, record.run_id)["error"]) == (status, text)


def test_the_record_of_a_killed_process_is_closed_by_the_next_run(lake: Lake) -> None:
    with subprocess.Popen([sys.executable, "-c", HANGS, str(lake.root)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        assert close_abandoned(lake) == []  # it lives
        assert entry(lake, run_id)["status"] == "running"
        os.kill(process.pid, signal.SIGKILL)
    with record_run(lake, "curate", "next") as record:
        found = entry(lake, run_id)
        assert (found["status"], found["error"]) == ("failed", ABANDONED)
        assert found["finished_at"] is not None
        assert close_abandoned(lake) == []  # neither the closed one nor our own
        assert entry(lake, record.run_id)["status"] == "running"
    assert entry(lake, run_id) == found


def test_a_pid_that_was_given_to_another_process_does_not_keep_a_record_open(lake: Lake) -> None:
    with record_run(lake, "mix", "default") as record:
        ours = entry(lake, record.run_id)["process"]
        change(lake, record.run_id, process=ours | {"started": ours["started"] - 100_000})
        assert close_abandoned(lake) == [record.run_id]


def test_records_of_other_machines_and_damaged_files_are_left_alone(lake: Lake) -> None:
    runs = lake.log_path("runs", "damaged.json")
    runs.write_text('{"status": "runn', encoding="utf-8")
    with record_run(lake, "mix", "default") as record:
        ours = entry(lake, record.run_id)["process"]
        change(lake, record.run_id, process=ours | {"host": "another machine", "pid": 2**22 + 1})
        assert close_abandoned(lake) == []


def test_which_attempt_at_a_flow_run_lost_its_process(lake: Lake) -> None:
    """A closed record of this attempt, or silence for minutes; not one of an attempt before it."""
    start, long_ago = datetime.now(UTC), datetime.now(UTC) - timedelta(minutes=6)
    assert not is_abandoned(lake, "run", start)  # it may still be starting
    assert is_abandoned(lake, "run", long_ago)
    with record_run(lake, "evaluate", "one") as record:
        change(lake, record.run_id, flow_run="run")
        assert not is_abandoned(lake, "run", start)
        assert not is_abandoned(lake, "run", long_ago)
    change(lake, record.run_id, flow_run="run", error=ABANDONED, status="failed")
    assert is_abandoned(lake, "run", start)
    assert not is_abandoned(lake, "run", start + timedelta(seconds=2))  # the next attempt began after it
    assert not is_abandoned(lake, "another", start)
    change(lake, record.run_id, error="TerminationSignal")
    assert not is_abandoned(lake, "run", start)  # it has ended, and Prefect will hear of it
    change(lake, record.run_id, finished_at=(start - timedelta(minutes=6)).isoformat())
    assert is_abandoned(lake, "run", long_ago - timedelta(minutes=6))


def test_the_warehouse_reads_the_record(lake: Lake) -> None:
    with record_run(lake, "mix", "default") as record:
        path = lake.root / "log" / "runs" / f"{record.run_id}.json"
        assert FlowRun.model_validate_json(path.read_bytes()).status == "running"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_no_bit_of_a_record_ends_the_next_run(lake: Lake) -> None:
    """Whatever a bit flips to: the record counts as none, or as what it says."""
    with record_run(lake, "curate", "first") as record:
        pass
    path = lake.root / "log" / "runs" / f"{record.run_id}.json"
    whole = path.read_bytes().replace(b'"succeeded"', b'"running"').replace(b'"pid": ', b'"pid": 9999')
    for place in range(len(whole)):
        for bit in (0, 2, 4):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << bit)]) + whole[place + 1 :])
            close_abandoned(lake)
            is_abandoned(lake, "none", datetime.now(UTC))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "Check who owns it"),
        (errno.EROFS, "Check who owns it"),
        (errno.EIO, "Check the disk"),
        (errno.ENOENT, None),
    ],
)
def test_faults_of_disk_and_permissions_are_told_in_a_sentence(number: int, said: str | None) -> None:
    told = told_of(OSError(number, os.strerror(number), "lake/file"))
    assert (told is None) == (said is None)
    assert said is None or (said in str(told) and "lake/file" in str(told))


def test_a_command_ends_with_code_1_on_a_fault_of_permissions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "lake/lake.json")

    monkeypatch.setattr(cli, "app", refused)
    monkeypatch.setattr(cli, "ENVIRONMENT", {})  # stays out of the tests that follow
    monkeypatch.setattr(cli.atexit, "register", lambda _: None)
    with pytest.raises(SystemExit, match="1"):
        cli.main()
    assert "gristmill: lake/lake.json: Permission denied." in capsys.readouterr().err


def behind(first: Exception) -> Exception:
    """The error of Prefect's client whose server failed to record ``first``."""
    response = httpx.Response(500, request=httpx.Request("POST", "http://127.0.0.1/api"))
    try:
        try:
            raise first
        except Exception:
            response.raise_for_status()
    except httpx.HTTPStatusError as error:
        return error
    raise AssertionError


def test_an_error_that_the_server_could_not_record_is_told() -> None:
    assert error_behind(behind(UsageError("no such policy"))) == ("no such policy", 2)
    told = error_behind(behind(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "lake/file")))
    assert told is not None
    assert told[0].startswith("lake/file: the disk is full")
    assert error_behind(behind(ValueError("a bug"))) is None
    assert error_behind(UsageError("not Prefect's")) is None
