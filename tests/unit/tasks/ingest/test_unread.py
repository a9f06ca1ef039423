"""Files that were not read are rows of set_aside, like everything else that did not become a document."""

import json
from pathlib import Path

from gristmill.core.lake import Lake
from gristmill.core.steps.inputs import Inputs
from gristmill.schemas.tables import SetAside
from gristmill.tasks.ingest.folders import Skipped
from gristmill.tasks.ingest.readers.reasons import Reason
from gristmill.tasks.ingest.unread import SkippedFiles, UnreadConfig, unread

SKIPPED = (
    Skipped("a.json", Reason.JSON_DOCUMENT, "one JSON document"),
    Skipped("caf\\xe9.pdf", Reason.UNKNOWN_KIND, "PDF is not read"),
)


def test_a_row_for_each_file_named_by_the_file(tmp_path: Path) -> None:
    lake, source = Lake.open(tmp_path), SkippedFiles(SKIPPED)
    done = unread.run(lake, source.shard, Inputs(source=source), UnreadConfig(source="web"))
    rows = lake.read(done.manifest.output(SetAside)).to_pylist()
    assert [(row["source"], row["kind"], row["record_uri"], row["reason"], row["detail"]) for row in rows] == [
        ("web", "file", "a.json", "json_document", "one JSON document"),
        ("web", "file", "caf\\xe9.pdf", "unknown_kind", "PDF is not read"),
    ]
    assert json.dumps(rows)


def test_other_files_or_reasons_are_another_shard(tmp_path: Path) -> None:
    other = (Skipped("a.json", Reason.HIDDEN, "one JSON document"), SKIPPED[1])
    shards = {SkippedFiles(files).shard for files in (SKIPPED, SKIPPED[:1], other, SKIPPED)}
    assert len(shards) == 3
