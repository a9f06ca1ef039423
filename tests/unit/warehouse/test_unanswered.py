"""What the machine failed on is kept with its reasons, shown, and gone once the suite has a score."""

from pathlib import Path

import pytest

from gristmill.core.errors import NoScoreError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Manifest
from gristmill.evals.admission.checkpoint import Checkpoint
from gristmill.evals.suites.suite import Suite, load_suite
from gristmill.flows.evaluate.entries import Entry
from gristmill.flows.evaluate.state import commit_checkpoint, commit_unanswered
from gristmill.flows.evaluate.unanswered import Rows, unanswered_rows
from gristmill.schemas.tables import EvalRuns
from gristmill.warehouse.build.publish import publish
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries import overview
from gristmill.warehouse.queries.unanswered import missing, unscored
from tests.helpers.ledger_rows import table_of
from tests.helpers.small_lake import doc_id

A, B = doc_id("a"), doc_id("b")
READING, CODE = "gristmill-reading", "gristmill-code"


def entry(digest: str, label: str) -> Entry:
    return Entry(Checkpoint(digest=digest, path=Path("/x"), parameters=1, vocab_size=1, label=label), label)


ENTRIES = [entry(A, "first"), entry(B, "第二个")]


def failure(suite: str, checkpoint: str, reasons: dict[str, list[str]]) -> Rows:
    """The rows for a run of ``suite`` in which items were missed for these reasons, one an answer."""
    loaded: Suite = load_suite(suite)
    misses = [
        {"checkpoint": checkpoint, "item": item, "reason": reason} for item, told in reasons.items() for reason in told
    ]
    error = NoScoreError("no score", unanswered=misses)
    return unanswered_rows(error, loaded, {one.checkpoint.digest: one.label for one in ENTRIES})


def whole(suite: str, checkpoint: str, lake: Lake) -> dict[str, list[Manifest]]:
    """The results of a run of ``suite`` that gave a score."""
    run = table_of(EvalRuns, [{"checkpoint": checkpoint, "suite": suite, "label": "", "run": ""}])
    ref = lake.write_table(EvalRuns, checkpoint, doc_id(f"{suite} {checkpoint}")[:16], run)
    manifest = Manifest(
        step="respond", version=1, shard=checkpoint, key=ref.key, config={}, inputs=(), rows_in={}, outputs=(ref,)
    )
    return {suite: [manifest]}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake")


def published(lake: Lake) -> Warehouse:
    publish(lake)
    return Warehouse.open(lake.root)


def test_counts_reasons_and_items_are_kept(lake: Lake) -> None:
    rows = failure(READING, A, {"r1": ["aborted", "aborted", "filtered"], "r2": ["aborted"], "r3": ["aborted"]})
    commit_unanswered(ENTRIES, rows, lake)
    warehouse = published(lake)
    (found,) = unscored(warehouse)
    assert (found.checkpoint, found.label, found.suite, found.area) == (A, "first", READING, "reading")
    assert (found.missing, found.items) == (3, len(load_suite(READING).items))
    assert [(one.reason, one.items) for one in found.reasons] == [("aborted", 3), ("filtered", 1)]
    listed = [(one.item, one.reason, one.answers) for one in missing(warehouse, READING, A)]
    assert listed == [("r1", "aborted", 2), ("r1", "filtered", 1), ("r2", "aborted", 1), ("r3", "aborted", 1)]
    assert missing(warehouse, READING, B) == missing(warehouse, CODE, A) == []
    assert overview(warehouse).unscored == [found]
    assert lake.names("evaluation") == [A], "nothing is known of the other checkpoint"


def test_a_later_run_replaces_what_was_missing_and_a_whole_one_ends_it(lake: Lake) -> None:
    first, second = ENTRIES
    commit_unanswered(ENTRIES, failure(READING, A, {"r1": ["aborted"], "r2": ["aborted"]}), lake)
    commit_unanswered(ENTRIES, failure(CODE, A, {"c1": ["no disk"]}) + failure(READING, B, {"r9": ["down"]}), lake)
    warehouse = published(lake)
    assert [(one.suite, one.label, one.missing) for one in unscored(warehouse)] == [
        (CODE, "first", 1),
        (READING, "first", 2),
        (READING, "第二个", 1),
    ]
    # asked again, one item fails still; the other suite has a score now
    commit_checkpoint(first, whole(CODE, A, lake), failure(READING, A, {"r2": ["filtered"]}), lake)
    publish(lake)
    assert [(one.suite, one.label) for one in unscored(warehouse)] == [(READING, "first"), (READING, "第二个")]
    assert [(one.item, one.reason) for one in missing(warehouse, READING, A)] == [("r2", "filtered")]
    assert [one.checkpoint for one in unscored(warehouse, READING)] == [A, B]
    commit_checkpoint(first, whole(READING, A, lake), [], lake)
    commit_checkpoint(second, whole(READING, B, lake), [], lake)
    publish(lake)
    assert unscored(warehouse) == []
    assert warehouse.query("SELECT DISTINCT suite FROM eval_runs ORDER BY suite") == [
        {"suite": CODE},
        {"suite": READING},
    ]


def test_what_is_missing_costs_no_score_of_an_earlier_run(lake: Lake) -> None:
    commit_checkpoint(ENTRIES[0], whole(READING, A, lake), [], lake)
    commit_unanswered(ENTRIES, failure(READING, A, {"r1": ["aborted"]}), lake)
    warehouse = published(lake)
    assert len(unscored(warehouse)) == len(warehouse.query("FROM eval_runs")) == 1


def test_an_empty_warehouse_misses_nothing(lake: Lake) -> None:
    warehouse = Warehouse.open(lake.root)
    assert unscored(warehouse) == missing(warehouse, READING, A) == overview(warehouse).unscored == []
