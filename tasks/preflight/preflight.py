"""Preflight: what curating a whole input would cost and remove, from running the real steps on a sample of it.

The sample (``gristmill.tasks.preflight.sampling``) is curated twice in temporary lakes: a few of its records, to know
what even the smallest shard costs, and then all of it, cut into blocks that stand for shards. This module turns the
observations into estimates for the whole (``gristmill.tasks.preflight.estimates``):

* *records*: counted in the files read, scaled by stored bytes to the others;
* *fates*: the share of records that each rule takes (the first rule a record fails, as in the funnel);
* *near-duplicates*: a sample shows too few of them; the bounds are those of
  ``gristmill.tasks.preflight.estimates.duplicates``;
* *seconds*: a step costs ``a`` a shard and ``b`` a record, both from the two runs; all shards of a step are done by the
  workers side by side, steps follow each other; Prefect adds about 50 ms a shard and step;
* *disk*: bytes that each step writes, in the same way;
* *memory*: what the run had before the blocks, and what they added, scaled from a block to a shard.

Intervals cover the sampling. They do not cover a machine that is busy with something else, or another machine.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from pydantic import Field

from gristmill.core.config import Config
from gristmill.schemas.stages import StageName
from gristmill.tasks.preflight.estimates import Estimate, duplicates, exact, mean_of, ratio_of, share_of
from gristmill.tasks.preflight.sampling import FileCount

PREFECT_SECONDS = 0.05  # a shard and step, one after the other
FLOW_SECONDS = 3.0  # to begin and end a flow, and to publish
KEPT = ""


class Removed(Config):
    """Records that one rule or reason takes."""

    stage: str
    rule: str
    records: Estimate


class Report(Config):
    """What preflight says. Seconds and bytes are of the whole input, with ``workers`` workers on this machine."""

    files: int
    files_read: int
    bytes: int
    bytes_read: int
    sampled: int = Field(description="records that were curated")
    rate: float = Field(description="share of the records of the files read")
    workers: int
    records: Estimate
    kept: Estimate
    removed: tuple[Removed, ...]
    near_duplicates: Estimate
    seconds: Estimate
    steps: dict[str, Estimate] = Field(description="seconds by step")
    memory_bytes: Estimate
    disk_bytes: Estimate
    shards: int
    gates_failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepCost:
    """What one step cost in a run: by shard its own seconds and the bytes it wrote. ``rows``: records of each shard."""

    step: str
    seconds: Mapping[str, float]
    bytes: Mapping[str, int]


@dataclass(frozen=True)
class Observed:
    """One curation of sampled records. ``rows``: records by shard. ``memory``: peak bytes of the process and its
    children; ``before``: bytes when it began."""

    rows: Mapping[str, int]
    costs: Sequence[StepCost]
    memory: int
    before: int

    @property
    def records(self) -> int:
        """All records."""
        return sum(self.rows.values())


@dataclass(frozen=True)
class Whole:
    """The whole input: its files, and the shards that it would make."""

    files: int
    bytes: int
    shards: int
    shard_payload: float
    block_payload: float


def estimate(
    read: Sequence[FileCount],
    rate: float,
    whole: Whole,
    fates: pl.DataFrame,
    rules: Sequence[tuple[str, str]],
    small: Observed,
    main: Observed,
    read_seconds: float,
    workers: int,
    gates_failed: Sequence[str] = (),
) -> Report:
    """The report.

    ``fates`` has a row for each sampled record: ``file``, ``stage`` and ``rule`` that took it, both empty for one that
    was kept. ``rules``: stage and name of the policy's rules, also of those that took nothing.
    """
    records = count_records(read, whole)
    removed, near, kept = count_fates(fates, rules, read, rate, whole, records)
    steps, seconds = time_of(small, main, whole, records, workers)
    reading = ratio_of([read_seconds], [float(sum(file.bytes for file in read)) or 1.0], 1).times(exact(whole.bytes))
    ingest = Estimate(value=reading.value / workers, low=reading.low / workers, high=reading.high / workers)
    steps = {"read": ingest} | steps
    return Report(
        files=whole.files,
        files_read=len(read),
        bytes=whole.bytes,
        bytes_read=sum(file.bytes for file in read),
        sampled=main.records,
        rate=rate,
        workers=workers,
        records=records,
        kept=kept,
        removed=removed,
        near_duplicates=near,
        seconds=seconds.plus(ingest),
        steps=steps,
        memory_bytes=memory_of(small, main, whole),
        disk_bytes=disk_of(small, main, whole, records),
        shards=whole.shards,
        gates_failed=tuple(gates_failed),
    )


def count_records(read: Sequence[FileCount], whole: Whole) -> Estimate:
    """Records of all files."""
    items = [float(file.items) for file in read]
    if len(read) >= whole.files:
        return exact(sum(items))
    return ratio_of(items, [float(file.bytes) for file in read], whole.files).times(exact(whole.bytes))


def count_fates(
    fates: pl.DataFrame,
    rules: Sequence[tuple[str, str]],
    read: Sequence[FileCount],
    rate: float,
    whole: Whole,
    records: Estimate,
) -> tuple[tuple[Removed, ...], Estimate, Estimate]:
    """What each rule removes, what deduplication removes as near or exact duplicates, and what is kept."""
    names = [file.name for file in read]
    sizes = _by_file(fates, names)
    known = len(read) >= whole.files and rate >= 1
    seen = fates.filter(pl.col("rule") != KEPT).select("stage", "rule").unique().rows()
    removed = []
    for stage, rule in sorted({*seen, *rules}):
        if stage == StageName.DEDUPLICATE and not known:
            continue
        hits = _by_file(fates.filter((pl.col("stage") == stage) & (pl.col("rule") == rule)), names)
        share = share_of(hits, sizes, records.value, whole.files)
        removed.append(Removed(stage=stage, rule=rule, records=share.times(records)))
    copies = int((fates["stage"] == StageName.DEDUPLICATE).sum())
    after = [StageName.CLEAN, StageName.REVIEW]
    reached = _by_file(fates.filter(pl.col("stage").is_in(["", StageName.DEDUPLICATE, *after])), names)
    judged = share_of(reached, sizes, records.value, whole.files).times(records)
    chance = len(fates) / records.value if records.value else 1.0
    near = duplicates(copies, chance, judged.value)
    cleaned = sum(row.records.value for row in removed if row.stage in after)
    kept = Estimate(
        value=max(0.0, judged.value - near.value - cleaned),
        low=max(0.0, judged.low - near.high - cleaned),
        high=max(0.0, judged.high - near.low),
    )
    return tuple(sorted(removed, key=lambda row: -row.records.value)), near, kept


def _by_file(fates: pl.DataFrame, names: Sequence[str]) -> list[int]:
    counts = dict(fates.group_by("file").len().iter_rows())
    return [counts.get(name, 0) for name in names]


def time_of(
    small: Observed, main: Observed, whole: Whole, records: Estimate, workers: int
) -> tuple[dict[str, Estimate], Estimate]:
    """Seconds by step, and of all steps, with what Prefect adds."""
    first = {cost.step: sum(cost.seconds.values()) for cost in small.costs if cost.seconds}
    rounds = math.ceil(whole.shards / workers)  # of shards side by side
    steps = {}
    tasks = 0
    for cost in main.costs:
        if not cost.seconds:
            continue
        line = _line(first.get(cost.step), small.records, cost.seconds, main)
        together = min(workers, whole.shards) if line.by_shard else 1
        runs = rounds if line.by_shard else 1
        tasks += whole.shards if line.by_shard else 1
        steps[cost.step] = line.each.times(records).times(exact(1 / together)).plus(exact(line.fixed * runs))
    around = exact(FLOW_SECONDS + PREFECT_SECONDS * tasks)
    total = around
    for seconds in steps.values():
        total = total.plus(seconds)
    return steps | {"prefect": around}, total


def disk_of(small: Observed, main: Observed, whole: Whole, records: Estimate) -> Estimate:
    """Bytes of the lake's tables."""
    first = {cost.step: sum(cost.bytes.values()) for cost in small.costs}
    total = exact(0)
    for cost in main.costs:
        line = _line(first.get(cost.step), small.records, cost.bytes, main)
        total = total.plus(line.each.times(records)).plus(exact(line.fixed * (whole.shards if line.by_shard else 1)))
    return total


@dataclass(frozen=True)
class Line:
    """What a step takes: ``fixed`` for each run however small, and ``each`` for a record beyond that."""

    fixed: float
    each: Estimate
    by_shard: bool


def _line(first: float | None, first_rows: int, found: Mapping[str, float], main: Observed) -> Line:
    """From what the small run took and what each block (or the one run over all of them) took."""
    by_shard = found.keys() == main.rows.keys()
    values = list(found.values()) if by_shard else [sum(found.values())]
    rows = [main.rows[name] for name in found] if by_shard else [main.records]
    mean_value, mean_rows = sum(values) / len(values), sum(rows) / len(rows)
    fixed = 0.0
    if first is not None and mean_rows > first_rows:
        slope = max(0.0, (mean_value - first) / (mean_rows - first_rows))
        fixed = min(max(0.0, first - slope * first_rows), mean_value)
    return Line(
        fixed,
        mean_of([max(0.0, value - fixed) / max(count, 1) for value, count in zip(values, rows, strict=True)]),
        by_shard,
    )


def memory_of(small: Observed, main: Observed, whole: Whole) -> Estimate:
    """Peak memory of the process and its children: the low end is what the sample took, the high end takes all that the
    blocks added in proportion to the size of a shard, the value leaves out what the small run had added already."""
    scale = max(1.0, whole.shard_payload / whole.block_payload) if whole.block_payload else 1.0
    added = max(0, main.memory - main.before)
    always = min(added, max(0, small.memory - small.before))
    high = main.before + added * scale
    value = main.before + always + (added - always) * scale
    return Estimate(value=value, low=min(float(main.memory), value), high=max(high, value))
