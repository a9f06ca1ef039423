"""A source of which nothing was kept is not shown in green, wherever it is shown."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import httpx
import pytest

from gristmill.core.lake import Lake
from gristmill.warehouse.build.publish import publish
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries import overview
from tests.helpers.dashboard_server import running
from tests.helpers.small_lake import NIGHT, Curation, commit, doc_id

NAME = "网页-" + "a-very-long-name-of-a-source-" * 4
SUITE = "考试-a-suite-with-a-long-name@50"
REASON = "the finish reason is content_filter <script>window.pwned=1</script>"
A = doc_id("a checkpoint")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """60 documents of one source, all rejected, and a file not read; a gate that saw no row; a run that succeeded."""
    lake = Lake.open(tmp_path_factory.mktemp("attention") / "lake")
    source = Curation(NAME)
    for number in range(60):
        identity = source.document(f"page-{number}", "s-one", "Home. Menu.")
        source.reject(identity, "s-one", 1, "min_words", "gopher_quality.words", 2, ">= 50")
    source.aside(None, "shard-07.warc.gz", "ingest", "unreadable", "not a gzip file", kind="file")
    commit(lake, "curation", NAME, source.rows)
    gate = {
        "gate": "curated",
        "source": NAME,
        "expectation": "no_personal_data_left",
        "column": "text",
        "severity": "critical",
        "ok": True,
        "observed": "0 rows",
        "checked_rows": 0,
        "unexpected_rows": 0,
        "shards": [],
        "examples": "[]",
    }
    commit(lake, "gates", NAME, {"gate_results": {"all": [gate]}})
    run = {
        "run_id": doc_id("run"),
        "flow": "curate",
        "name": NAME,
        "status": "succeeded",
        "started_at": NIGHT.isoformat(),
        "finished_at": (NIGHT + timedelta(seconds=9)).isoformat(),
        "error": None,
        "counts": {"records": 60, "kept": 0},
    }
    lake.log_path("runs", f"{run['run_id']}.json").write_text(json.dumps(run), encoding="utf-8")
    missing = {"checkpoint": A, "label": NAME, "suite": SUITE, "suite_digest": "d" * 32, "area": "boards", "items": 61}
    rows = [missing | {"item": f"item-{number:02}", "reason": REASON, "answers": 2} for number in range(3)]
    commit(lake, "evaluation", A, {"unanswered": {A: rows}})
    publish(lake)
    return lake


@pytest.fixture(scope="module")
def client(lake: Lake) -> Iterator[httpx.Client]:
    with running(lake.root) as server, httpx.Client(base_url=server.base, timeout=240) as client:
        yield client


def test_the_answer_counts_every_source(lake: Lake) -> None:
    (source,) = overview(Warehouse.open(lake.root)).sources
    assert (source.source, source.records, source.kept, source.not_read) == (NAME, 60, 0, 1)


def elements_of(answer: httpx.Response) -> str:
    found = re.search(r"parseElements\(String\.raw`(.*?)`\)", answer.text, re.DOTALL)
    assert found is not None
    assert "<script>window.pwned" not in answer.text
    return unescape(found[1])


@pytest.mark.parametrize("path", ["/", "/checkpoints", "/items", f"/items?suite={SUITE}&checkpoint={A}"])
def test_a_suite_without_a_score_is_shown_with_its_reasons(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    elements = elements_of(answer)
    assert SUITE in elements
    assert NAME in elements
    assert "content_filter" in elements
    if path.startswith("/items"):
        assert "3 of 61 items have no answer" in elements
        assert all(f"item-{number:02}" in elements for number in range(3))
        assert "There is no" not in elements
    if path == "/":
        assert "Needs attention" in elements
        assert "3 of 61 items have no answer: the finish reason is content_filter" in elements


def test_the_api_says_it_too(client: httpx.Client) -> None:
    (found,) = client.get("/api/overview").json()["unscored"]
    assert (found["suite"], found["missing"], found["items"]) == (SUITE, 3, 61)
    assert found["reasons"] == [{"reason": REASON, "items": 3}]


@pytest.mark.parametrize("path", ["/", "/gates", "/funnel"])
def test_nothing_kept_is_not_green(client: httpx.Client, path: str) -> None:
    elements = elements_of(client.get(path))
    assert "tone-good" not in elements
    assert '"succeeded"' not in elements
    if path == "/":
        assert "Needs attention" in elements
        assert "none of 60 records was kept" in elements
        assert "1 input file was not read" in elements
        assert "text-bad" in elements
    if path == "/funnel":
        assert '"part_tone":"bad"' in elements
