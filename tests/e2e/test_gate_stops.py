"""A planted violation stops a curation: exit code 3, where and what, nothing curated published, the results kept."""

import json
from collections.abc import Callable
from pathlib import Path

from gristmill.flows.prefect.artifacts import artifact_key
from gristmill.tasks.ingest.discovery import find_inputs
from tests.helpers.cli import Ended
from tests.helpers.corpus import crawl, curation, write_file
from tests.helpers.prefect_api import prefect_api

EXPECTATION = "fetched between 1990 and 2100"
SOURCE = "mill"


def test_a_violation_stops_the_run_and_is_kept(tmp_path: Path, run: Callable[..., Ended], prefect_server: str) -> None:
    planted = tmp_path / "planted"
    crawl(planted, files=3, pages=8)
    write_file(planted / "part-01.warc.gz", 1, 8, date="2199-01-01T00:00:00Z")
    lake = tmp_path / "lake"
    shards = {file.name: f"{file.shard}-0000" for file in find_inputs([str(planted)]).files}
    ended = run(*curation(planted, lake))
    assert ended.code == 3, ended.err
    assert ended.out == ""
    assert "Traceback" not in ended.err
    message = ended.err[ended.err.index("gristmill: ") :]
    assert "gate documents stopped the run" in message
    assert EXPECTATION in message
    assert shards["part-01.warc.gz"] in message
    assert shards["part-00.warc.gz"] not in message
    assert "http://mill-1.example/1/" in message
    assert "2199-01-01" in message
    assert "6 of 17 rows" in message

    assert not (lake / "catalog" / "curation").exists()
    for name in ("curated", "verdicts", "signals"):
        assert not (lake / "data" / "tables" / name).exists(), "nothing after the gate is computed"

    (pointer,) = (lake / "catalog" / "gates").glob("*.json")
    assert pointer.stem == f"curate-{SOURCE}"
    failed = run("query", "select * from gate_results where not ok", "--lake", str(lake), "--json")
    assert failed.code == 0, failed.err
    (row,) = failed.json()
    assert (row["gate"], row["source"], row["expectation"]) == ("documents", SOURCE, EXPECTATION)
    assert (row["severity"], row["unexpected_rows"], row["checked_rows"]) == ("critical", 6, 17)
    assert row["shards"] == [shards["part-01.warc.gz"]]
    assert json.loads(row["examples"])[0]["url"].startswith("http://mill-1.example/1/")
    runs = run("query", "select flow, status, error from flow_runs", "--lake", str(lake), "--json").json()
    assert [(entry["flow"], entry["status"]) for entry in runs] == [("curate", "stopped_by_gate")]
    assert EXPECTATION in runs[0]["error"]

    # other tests curate a source of that name too, on the same server
    wanted = {"artifacts": {"key": {"any_": [artifact_key("gate", f"documents-{SOURCE}")]}}}
    artifacts = prefect_api(prefect_server).post("/artifacts/filter", json=wanted).json()
    assert {artifact["type"] for artifact in artifacts} == {"table"}
    told = [row for artifact in artifacts for row in json.loads(artifact["data"]) if row["expectation"] == EXPECTATION]
    assert ("False", "6") in [(row["ok"], row["unexpected_rows"]) for row in told]

    again = run(*curation(planted, lake))
    assert again.code == 3
    assert again.err[again.err.index("gristmill: ") :] == message

    crawl(tmp_path / "mended", files=3, pages=8)
    ended = run(*curation(tmp_path / "mended", lake))
    assert ended.code == 0, ended.err
    assert "2 cached" in next(line for line in ended.err.splitlines() if line.startswith("ingest "))
    assert run("query", "select * from gate_results where not ok", "--lake", str(lake), "--json").json() == []
    assert {path.name for path in (lake / "catalog" / "curation").iterdir()} == {f"{SOURCE}.json"}
