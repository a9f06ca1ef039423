"""What the safety rules did in a curation: spans redacted by kind, and documents removed by rule and domain."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from gristmill.core.files.parquet import read_rows
from gristmill.schemas.stages import StageName

UNKNOWN = "unknown"


def safety_effects(redactions: Sequence[Path], verdicts: Sequence[Path], domains: Sequence[Path]) -> dict[str, Any]:
    """``redacted``: spans by kind; ``removed``: documents by the first rule of stage ``review`` that they failed, and
    by domain. From the Parquet files of one curation, a file at a time.
    """
    redacted = Counter[str]()
    for path in redactions:
        redacted.update(dict(pl.DataFrame(read_rows(path, ["kind"]))["kind"].value_counts().iter_rows()))
    failed = [_first(path) for path in verdicts]
    rules = pl.concat([pl.DataFrame(schema={"doc_id": pl.String, "rule": pl.String}), *failed])
    removed: dict[str, Counter[str]] = defaultdict(Counter)
    known = pl.DataFrame(schema={"doc_id": pl.String, "domain": pl.String})
    if len(rules):
        parts = [pl.DataFrame(read_rows(path, ["doc_id", "domain"])) for path in domains]
        known = pl.concat([known, *(part.join(rules, on="doc_id", how="semi") for part in parts)])
    for rule, domain, count in rules.join(known, on="doc_id", how="left").group_by("rule", "domain").len().iter_rows():
        removed[rule][domain or UNKNOWN] += count
    return {
        "redacted": dict(sorted(redacted.items())),
        "removed": {rule: dict(sorted(removed[rule].items())) for rule in sorted(removed)},
    }


def _first(path: Path) -> pl.DataFrame:
    rows = pl.DataFrame(read_rows(path, ["doc_id", "stage", "kept", "rank", "rule"]))
    failed = rows.filter((pl.col("stage") == StageName.REVIEW) & ~pl.col("kept"))
    return failed.sort("rank").group_by("doc_id", maintain_order=True).agg(pl.col("rule").first())
