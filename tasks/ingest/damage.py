"""What could not be read of the inputs, counted by reason and shown with examples: the last lines of a curation.

Three kinds: files of which nothing was read, damaged byte ranges, and records that were there and broken. A
sound record without text (a redirect, an image) is not damage. Cost: four columns of ``set_aside``, a file
at a time.
"""

import heapq
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from gristmill.core.files.parquet import read_rows
from gristmill.tasks.ingest.readers.reasons import Reason

EXAMPLES = 20
FILES, BYTE_RANGES, RECORDS = "files", "stretches", "records"
KINDS = {"file": FILES, "damage": BYTE_RANGES, "record": RECORDS}
#: Reasons of records that could not be read as what they claim to be.
BROKEN = (
    Reason.TRUNCATED,
    Reason.TOO_LARGE,
    Reason.BROKEN_HEADER,
    Reason.BROKEN_HTTP_HEADER,
    Reason.BAD_CHUNKED,
    Reason.BAD_CONTENT_ENCODING,
    Reason.BAD_CHECKSUM,
    Reason.ROW_NOT_JSON,
    Reason.ROW_NOT_OBJECT,
    Reason.ROW_NOT_CSV,
    Reason.UNDECODABLE,
    Reason.EXTRACT_TIMEOUT,
    Reason.EXTRACT_CRASHED,
)


def damage(set_aside: Iterable[Path]) -> dict[str, Any]:
    """``files``, ``stretches`` and ``records``: by reason how many; ``examples``: the first by kind and record_uri."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in (FILES, BYTE_RANGES, RECORDS)}
    examples: list[tuple[str, str, str, str]] = []
    for path in set_aside:
        rows = pl.DataFrame(read_rows(path, ["kind", "record_uri", "reason", "detail"]))
        told = rows.filter((pl.col("kind") != "record") | pl.col("reason").is_in(BROKEN))
        for kind, reason, count in told.group_by("kind", "reason").len().iter_rows():
            counts[KINDS[kind]][reason] += count
        first = told.sort("kind", "record_uri", "reason").group_by("kind", maintain_order=True).head(EXAMPLES)
        examples = heapq.nsmallest(EXAMPLES, [*examples, *((KINDS[row[0]], *row[1:]) for row in first.iter_rows())])
    return {
        **{kind: dict(sorted(reasons.items())) for kind, reasons in counts.items()},
        "examples": [
            {"kind": kind, "record_uri": uri, "reason": reason, "detail": detail}
            for kind, uri, reason, detail in examples
        ],
    }


def unread_files(set_aside: Iterable[Path]) -> set[str]:
    """The names of the files of which nothing was read."""
    names: set[str] = set()
    for path in set_aside:
        rows = pl.DataFrame(read_rows(path, ["kind", "record_uri"]))
        names.update(rows.filter(kind="file")["record_uri"])
    return names
