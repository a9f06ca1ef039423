"""Preflight's arithmetic: intervals that cover, a sample that is random and repeatable, lines through two runs."""

import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from gristmill.tasks.ingest.discovery import find_inputs
from gristmill.tasks.ingest.ingest import IngestConfig
from gristmill.tasks.preflight.config import SampleConfig
from gristmill.tasks.preflight.estimates import Estimate, duplicates, mean_of, ratio_of, share_of, wilson
from gristmill.tasks.preflight.preflight import (
    Observed,
    StepCost,
    Whole,
    count_fates,
    count_records,
    disk_of,
    memory_of,
    time_of,
)
from gristmill.tasks.preflight.sampling import FileCount, choose_files, sample_inputs

GOLDEN = Path(__file__).parents[3] / "golden" / "verdicts_datatrove.parquet"
ROUNDS = 300


def covers(estimate: Estimate, truth: float) -> bool:
    return estimate.low - 1e-9 <= truth <= estimate.high + 1e-9


def test_wilson_is_wilsons() -> None:
    found = wilson(10, 100)
    assert (found.low, found.high) == (pytest.approx(0.0552, abs=1e-4), pytest.approx(0.1744, abs=1e-4))
    assert wilson(0, 50).low == 0
    assert wilson(0, 50).high == pytest.approx(0.0713, abs=1e-4)
    assert wilson(0, 0) == Estimate(value=0, low=0, high=1)


def test_shares_of_real_verdicts_are_covered() -> None:
    """datatrove's verdicts on 31,343 real texts: 5 % samples, every reason with at least 50 texts."""
    table = pl.DataFrame(pq.read_table(GOLDEN).drop_columns("text"))
    reasons = table["gopher_repetition"].cast(pl.String)
    values = np.unique(reasons.to_numpy(), return_inverse=True)[1]
    counts = np.bincount(values)
    generator = np.random.default_rng(7)
    inside = tried = 0
    for _ in range(ROUNDS):
        sample = values[generator.random(len(values)) < 0.05]
        for code in np.flatnonzero(counts >= 50):
            found = share_of([int((sample == code).sum())], [len(sample)], len(values), 1)
            inside += covers(found, counts[code] / len(values))
            tried += 1
    assert 0.93 <= inside / tried <= 0.975


def test_files_whose_records_are_alike_widen_the_interval() -> None:
    generator = np.random.default_rng(3)
    inside = naive = 0
    for _ in range(ROUNDS):
        shares = generator.beta(0.6, 2.0, size=200)
        hits = generator.binomial(500, shares)
        truth = hits.sum() / (200 * 500)
        files = generator.choice(200, 20, replace=False)
        sampled = generator.hypergeometric(hits[files], 500 - hits[files], 50)
        found = share_of(sampled.tolist(), [50] * 20, 200 * 500, 200)
        inside += covers(found, truth)
        naive += covers(wilson(int(sampled.sum()), 1000), truth)
    assert inside / ROUNDS >= 0.9
    assert naive / ROUNDS < 0.6  # what one would get without looking at the files


def test_all_records_looked_at_leave_no_doubt() -> None:
    assert share_of([3, 4], [10, 10], 20, 2) == Estimate(value=0.35, low=0.35, high=0.35)
    half, few = share_of([300], [1000], 2000, 1), share_of([300], [1000], 10**9, 1)
    assert half.high - half.low < 0.75 * (few.high - few.low)


def test_means_and_ratios_are_covered() -> None:
    generator = np.random.default_rng(5)
    inside = ratios = 0
    for _ in range(ROUNDS):
        inside += covers(mean_of(generator.normal(10, 2, 8).tolist()), 10)
        sizes = generator.uniform(50, 150, 300)
        records = generator.poisson(sizes * 2)
        chosen = generator.choice(300, 30, replace=False)
        found = ratio_of(records[chosen].tolist(), sizes[chosen].tolist(), 300)
        ratios += covers(found, records.sum() / sizes.sum())
    assert inside / ROUNDS >= 0.92
    assert ratios / ROUNDS >= 0.92
    assert mean_of([4.0]) == Estimate(value=4, low=0, high=8)


@pytest.mark.parametrize("size", [2, 3, 10, 200])
@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5])
def test_copies_lie_between_pairs_and_huge_clusters(size: int, rate: float) -> None:
    generator = np.random.default_rng(size)
    clusters = 4000 // size
    inside = 0
    for _ in range(100):
        in_sample = generator.binomial(size, rate, clusters)
        found = int(np.maximum(in_sample - 1, 0).sum())
        inside += covers(duplicates(found, rate, 20_000), clusters * (size - 1))
    assert inside >= 95


def test_a_whole_input_as_sample_knows_its_copies() -> None:
    assert duplicates(17, 1.0, 100) == Estimate(value=17, low=17, high=17)
    assert duplicates(0, 0.1, 1000).high > 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(20):
        rows = [{"id": f"{number}-{row}", "text": f"Row {row} of file {number}"} for row in range(100)]
        rows += [{"id": "", "text": ""}] * 5
        packed = gzip.compress("\n".join(json.dumps(row) for row in rows).encode(), mtime=0)
        (tmp_path / f"part-{number:02d}.jsonl.gz").write_bytes(packed)
    return tmp_path


def test_the_sample_is_a_function_of_the_inputs_and_counts_every_record(folder: Path) -> None:
    files = find_inputs([str(folder)]).files
    config = SampleConfig(least=300)
    first = sample_inputs(files, IngestConfig(source="a"), config, folder / "downloads")
    again = sample_inputs(files[::-1], IngestConfig(source="b"), config, folder / "downloads")
    assert first.records.column("record_uri") == again.records.column("record_uri")
    assert sum(file.items for file in first.read) == 20 * 105
    assert 300 <= len(first.records) + len(first.set_aside) < 600
    assert first.rate == 0.25
    assert 0.15 < len(first.set_aside) / (len(first.records) + len(first.set_aside)) * 5 < 0.5


def test_everything_is_kept_where_there_is_little_and_few_files_are_read_where_there_is_much(folder: Path) -> None:
    files = find_inputs([str(folder)]).files
    whole = sample_inputs(files, IngestConfig(source="a"), SampleConfig(), folder / "downloads")
    assert (whole.rate, len(whole.records), len(whole.set_aside)) == (1, 2000, 100)
    few = choose_files(files, SampleConfig(read_bytes=0, files=4))
    assert len(few) == 4
    assert [file.name for file in few] == [
        file.name for file in choose_files(files[::-1], SampleConfig(read_bytes=0, files=4))
    ]
    assert len(choose_files(files, SampleConfig(share=1, read_bytes=0, files=4))) == 20


ROWS = {f"b{number}": 100 for number in range(8)}
WHOLE = Whole(files=1, bytes=1000, shards=4, shard_payload=8000.0, block_payload=1000.0)


def observed(scale: int, fixed: float, each: float) -> Observed:
    rows = ROWS if scale == 8 else {"b0": 25}
    seconds = {name: fixed + each * count for name, count in rows.items()}
    once = {"all": 1.0 + 0.01 * sum(rows.values())}
    costs = [
        StepCost("shard", seconds, {name: 50 + 3 * count for name, count in rows.items()}),
        StepCost("global", once, {}),
    ]
    return Observed(rows, costs, memory=1000 + 100 * scale, before=1000)


def test_time_and_disk_follow_the_line_through_the_two_runs() -> None:
    small, main = observed(1, 0.5, 0.02), observed(8, 0.5, 0.02)
    records = Estimate(value=10_000, low=10_000, high=10_000)
    steps, total = time_of(small, main, WHOLE, records, workers=2)
    assert steps["shard"].value == pytest.approx(0.5 * 2 + 0.02 * 10_000 / 2)
    assert steps["global"].value == pytest.approx(1.0 + 0.01 * 10_000)
    assert total.value == pytest.approx(sum(step.value for step in steps.values()))
    assert disk_of(small, main, WHOLE, records).value == pytest.approx(4 * 50 + 3 * 10_000)


def test_memory_grows_with_the_shard() -> None:
    found = memory_of(observed(1, 0, 0), observed(8, 0, 0), WHOLE)
    assert (found.low, found.value, found.high) == (1800, 1000 + 100 + 700 * 8, 1000 + 800 * 8)


def test_fates_add_up_and_a_rule_that_took_nothing_has_a_bound() -> None:
    read = [FileCount("a", 500, 400, 0, 900), FileCount("b", 500, 600, 0, 900)]
    whole = Whole(files=2, bytes=1000, shards=1, shard_payload=1, block_payload=1)
    rows = (
        [("a", "decide", "short")] * 20
        + [("b", "extract", "empty_text")] * 10
        + [("a", "", "")] * 30
        + [("b", "", "")] * 40
    )
    fates = pl.DataFrame(rows, schema=["file", "stage", "rule"], orient="row")
    records = count_records(read, whole)
    assert records == Estimate(value=1000, low=1000, high=1000)
    removed, near, kept = count_fates(fates, [("decide", "short"), ("decide", "never")], read, 0.1, whole, records)
    by_rule = {row.rule: row.records for row in removed}
    assert by_rule["short"].value == pytest.approx(200)
    assert by_rule["empty_text"].value == pytest.approx(100)
    assert by_rule["never"].value == 0
    assert 10 < by_rule["never"].high < 50
    assert near.low == 0
    assert covers(kept, 700)
