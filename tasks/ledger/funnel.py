"""The funnel: what went into every stage, what came out, and which rule took the rest. Law 1, one fate for a record.

Stages: ``ingest`` and ``extract`` set records aside for a reason; ``decide``, ``deduplicate``, ``clean`` and ``review``
reject by the first rule of the ledger that a document failed; ``curate`` redacts, writes what is left and rejects
nothing. Counts come from the files of one run, one file at a time and without the text, so memory does not grow with
the corpus.

:func:`funnel` raises when a number does not add up; a run calls it before it commits.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.core.files.parquet import read_rows
from gristmill.schemas.stages import StageName

RECORD, DAMAGE, FILE = "record", "damage", "file"
REJECTING = (StageName.DECIDE, StageName.DEDUPLICATE, StageName.CLEAN, StageName.REVIEW)
SHOWN_FAULTS = 5


class StageCount(Config):
    """One stage and source. What went in is what the stage before let out; ``rejected`` is by rule or reason."""

    stage: str
    source: str
    records_in: int
    records_out: int
    rejected: dict[str, int]


class Funnel(Config):
    """The stages of one run in order, source by source; by source the damaged byte ranges of its inputs, and the input
    files that were not read."""

    stages: tuple[StageCount, ...]
    damaged: dict[str, int]
    not_read: dict[str, int]


@dataclass(frozen=True)
class LedgerFiles:
    """Parquet files of one run, by table. ``verdicts``: those of every stage."""

    records: list[Path]
    documents: list[Path]
    set_aside: list[Path]
    verdicts: list[Path]
    curated: list[Path]


@dataclass(frozen=True)
class Tally:
    """Records let out by (stage, source) and rejected by (stage, source, rule); by source, damaged byte ranges and
    files that were not read."""

    out: Counter[tuple[str, str]]
    rejected: Counter[tuple[str, str, str]]
    damaged: Counter[str]
    not_read: Counter[str]


def funnel(files: LedgerFiles) -> Funnel:
    """Count one run. Raises :class:`GristmillError` when a record has no fate or two (see :func:`check_one_fate`)."""
    return build(tally(files))


def tally(files: LedgerFiles) -> Tally:
    """Count the rows of one run's files.

    Raises :class:`GristmillError` when a document has two fates in one stage, or a record is set aside twice.
    """
    found = Tally(Counter(), Counter(), Counter(), Counter())
    for stage, paths in (
        (StageName.INGEST, files.records),
        (StageName.EXTRACT, files.documents),
        (StageName.CURATE, files.curated),
    ):
        for path in paths:
            for source, rows in _read(path, ["source"]).group_by("source").len().iter_rows():
                found.out[stage, source] += rows
    for path in files.set_aside:
        _tally_set_aside(path, found)
    for path in files.verdicts:
        _tally_verdicts(path, found)
    return found


def build(found: Tally) -> Funnel:
    """Rows of the funnel from counts. Raises :class:`GristmillError` when they do not add up."""
    sources = {source for _, source in found.out} | {source for _, source, _ in found.rejected}
    sources |= {*found.damaged, *found.not_read}
    rows = []
    for source in sorted(sources):
        coming = found.out[StageName.INGEST, source] + sum(_rejected(found, StageName.INGEST, source).values())
        for stage in StageName:
            leaving = found.out[stage, source]
            rows.append(
                StageCount(
                    stage=stage,
                    source=source,
                    records_in=coming,
                    records_out=leaving,
                    rejected=_rejected(found, stage, source),
                )
            )
            coming = leaving
    result = Funnel(
        stages=tuple(rows),
        damaged=dict(sorted(found.damaged.items())),
        not_read=dict(sorted(found.not_read.items())),
    )
    check_one_fate(result.stages)
    return result


def check_one_fate(stages: Iterable[StageCount]) -> None:
    """Raise :class:`GristmillError` unless in = out + rejected in every stage and source."""
    faults = [
        f"{row.stage}, source {row.source}: {row.records_in:,} went in, {row.records_out:,} came out and "
        f"{sum(row.rejected.values()):,} were rejected"
        for row in stages
        if row.records_in != row.records_out + sum(row.rejected.values())
    ]
    if faults:
        _refuse(faults)


def summary(counted: Funnel) -> dict[str, Any]:
    """The funnel as the JSON of the command line: totals, stages over all sources, and each source by itself."""
    sources = sorted({row.source for row in counted.stages})
    return {
        **_totals(counted, sources),
        "stages": _by_stage(counted.stages),
        "sources": {
            source: {
                **_totals(counted, [source]),
                "stages": _by_stage([row for row in counted.stages if row.source == source]),
            }
            for source in sources
        },
    }


def _totals(counted: Funnel, sources: list[str]) -> dict[str, int]:
    rows = [row for row in counted.stages if row.source in sources]
    lost = {stage: sum(sum(row.rejected.values()) for row in rows if row.stage == stage) for stage in StageName}
    return {
        "records": sum(row.records_in for row in rows if row.stage == StageName.INGEST),
        "kept": sum(row.records_out for row in rows if row.stage == StageName.CURATE),
        "rejected": sum(lost[stage] for stage in REJECTING),
        "set_aside": lost[StageName.INGEST] + lost[StageName.EXTRACT],
        "damaged": sum(counted.damaged.get(source, 0) for source in sources),
        "not_read": sum(counted.not_read.get(source, 0) for source in sources),
    }


def _by_stage(rows: Iterable[StageCount]) -> list[dict[str, Any]]:
    stages = []
    for stage in StageName:
        of_stage = [row for row in rows if row.stage == stage]
        rejected: Counter[str] = sum((Counter(row.rejected) for row in of_stage), Counter())
        stages.append(
            {
                "stage": stage,
                "in": sum(row.records_in for row in of_stage),
                "out": sum(row.records_out for row in of_stage),
                "rejected": dict(sorted(rejected.items(), key=lambda item: (-item[1], item[0]))),
            }
        )
    return stages


def _rejected(found: Tally, stage: str, source: str) -> dict[str, int]:
    return {
        rule: rows for (at, of, rule), rows in sorted(found.rejected.items()) if at == stage and of == source and rows
    }


def _tally_set_aside(path: Path, found: Tally) -> None:
    rows = _read(path, ["record_uri", "source", "stage", "kind", "reason"])
    records = rows.filter(pl.col("kind") == RECORD)
    twice = records.filter(pl.struct("source", "record_uri").is_duplicated())
    if len(twice):
        _refuse([f"record {uri} is set aside more than once" for uri in twice["record_uri"].unique().sort()])
    for stage, source, reason, count in records.group_by("stage", "source", "reason").len().iter_rows():
        found.rejected[stage, source, reason] += count
    for kind, counts in ((DAMAGE, found.damaged), (FILE, found.not_read)):
        for source, count in rows.filter(pl.col("kind") == kind).group_by("source").len().iter_rows():
            counts[source] += count


def _tally_verdicts(path: Path, found: Tally) -> None:
    fates = (
        _read(path, ["doc_id", "source", "stage", "kept", "rank", "rule"])
        .group_by("doc_id", "source", "stage")
        .agg(
            kept=pl.col("kept").any(),
            single=(pl.col("kept").not_().all()) | (pl.len() == 1),
            rule=pl.col("rule").sort_by("rank").first(),
        )
    )
    torn = fates.filter(~pl.col("single"))
    if len(torn):
        _refuse([f"document {doc_id} has more than one fate in one stage" for doc_id in torn["doc_id"].sort()])
    for stage, source, kept, rule, count in fates.group_by("stage", "source", "kept", "rule").len().iter_rows():
        if kept:
            found.out[stage, source] += count
        else:
            found.rejected[stage, source, rule] += count


def _read(path: Path, columns: list[str]) -> pl.DataFrame:
    return pl.DataFrame(read_rows(path, columns))


def _refuse(faults: list[str]) -> None:
    shown = "\n".join(f"  {fault}" for fault in faults[:SHOWN_FAULTS])
    more = f"\n  and {len(faults) - SHOWN_FAULTS:,} more" if len(faults) > SHOWN_FAULTS else ""
    raise GristmillError(
        f"the numbers of this run do not add up, so it is not published:\n{shown}{more}\n"
        "This is a fault of gristmill or of a file of the lake that something else changed; please report it."
    )
