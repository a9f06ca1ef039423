"""How extraction ended for the records of a run, as counts that leave out no record.

Counts come from ``documents.extractor`` and ``set_aside``, a file at a time and without the text.
"""

from collections import Counter
from pathlib import Path

import polars as pl

from gristmill.core.files.parquet import read_rows
from gristmill.schemas.stages import StageName
from gristmill.tasks.ingest.readers.reasons import Reason

EXTRACTED, FELL_BACK, EMPTY, TIMED_OUT, FAILED, UNDECODABLE = OUTCOMES = (
    "extracted", "fell_back", "empty", "timed_out", "failed", "undecodable"
)  # fmt: skip
OF_REASON: dict[str, str] = {
    Reason.EMPTY_TEXT: EMPTY,
    Reason.EXTRACT_TIMEOUT: TIMED_OUT,
    Reason.EXTRACT_CRASHED: FAILED,
    Reason.UNDECODABLE: UNDECODABLE,
}


def outcomes(documents: list[Path], set_aside: list[Path]) -> dict[str, dict[str, int]]:
    """Number of records by outcome (``OUTCOMES``) and detail: the extractor where there is text (a fallback says
    after what: ``resiliparse-after-timeout``), the reason for the others. Together they are all records of the stage.

    The reason of a page on which every extractor failed is that of the last one.
    """
    counts: dict[str, Counter[str]] = {outcome: Counter() for outcome in OUTCOMES}
    for path in documents:
        for name, rows in pl.DataFrame(read_rows(path, ["extractor"])).group_by("extractor").len().iter_rows():
            counts[FELL_BACK if "-after-" in name else EXTRACTED][name] += rows
    for path in set_aside:
        found = pl.DataFrame(read_rows(path, ["stage", "kind", "reason"]))
        records = found.filter(stage=StageName.EXTRACT, kind="record")
        for reason, rows in records.group_by("reason").len().iter_rows():
            counts[OF_REASON[reason]][reason] += rows
    return {outcome: dict(sorted(counts[outcome].items())) for outcome in OUTCOMES}
